/** What becomes of output that cannot be written. */
import { flush, type OutputStream } from './report/output-stream.js';

/** EX_IOERR of sysexits.h: all went well on the hosts, and the result did not reach its file. */
const OUTPUT_EXIT_CODE = 74;

interface WatchedStream extends OutputStream {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/**
 * Keeps a stream's errors from ending the process: a deploy must not die of a closed pipe or a full disk, so what is under way is finished all
 * the same. A reader that has left (`| head`, a closed terminal) is no error; whatever else keeps stdout from being written is.
 */
export function watchOutput(stdout: WatchedStream, stderr: WatchedStream): { exitCode(code: number): Promise<number> } {
  let reason: string | undefined;
  // Nothing is left to tell it to.
  stderr.on('error', () => undefined);
  stdout.on('error', ({ code, message }) => {
    if (code === 'EPIPE' || code === 'EIO' || reason !== undefined) return;
    reason = code === 'ENOSPC' ? 'no space left on the device' : message;
    stderr.write(`vxfleet: stdout cannot be written: ${reason}\n`);
  });
  return {
    /** @param code the run's own exit code, which stands unless it is 0 */
    exitCode: async (code) => {
      await flush(stdout);
      return reason !== undefined && code === 0 ? OUTPUT_EXIT_CODE : code;
    },
  };
}
