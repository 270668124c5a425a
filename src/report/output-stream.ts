/** What a reporter needs of stdout and stderr: process.stdout and process.stderr fit, and so does a test's own object. */
export interface OutputStream {
  /** Calls back once the text is handed on. */
  write(text: string, written?: () => void): unknown;
  readonly isTTY?: boolean | undefined;
  /** Size of the terminal now; undefined when it is none. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Columns; Infinity where nothing wraps (a pipe, a file) and on a terminal that does not know (a serial console says 0). */
export const widthOf = ({ columns = 0 }: OutputStream): number => (columns > 0 ? columns : Infinity);

/** Resolves when everything written so far has left this process: an exit before that would cut a pipe's text off. */
export const flush = (stream: OutputStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write('', () => resolve());
  });
