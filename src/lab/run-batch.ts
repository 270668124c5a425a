/** Many `ip` commands in one process. */
import { runProgram } from './run-program.js';

export interface BatchOptions {
  /** Network namespace to work in; the machine's when absent. */
  readonly namespace?: string;
  /** Held open by ip, see runProgram. */
  readonly lock?: number;
  /** Go on past errors, and report none: for removing what may be gone. */
  readonly force?: boolean;
}

/**
 * Runs `ip -batch`; no lines, no process.
 * @throws VxfleetError lab
 */
export async function runBatch(lines: readonly string[], { namespace, lock, force }: BatchOptions = {}): Promise<void> {
  if (lines.length === 0) return;
  const where = namespace === undefined ? [] : ['-n', namespace];
  const argv = ['ip', ...where, ...(force === true ? ['-force'] : []), '-batch', '-'];
  const run = runProgram(argv, { input: `${lines.join('\n')}\n`, ...(lock === undefined ? {} : { keepOpen: lock }) });
  await (force === true ? run.catch(() => undefined) : run);
}
