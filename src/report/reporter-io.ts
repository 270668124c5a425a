/** What every reporter is given and what it offers. */
import type { Emit } from '../events.js';
import type { OutputStream } from './output-stream.js';

export interface ReporterIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** $TERM. */
  readonly term?: string | undefined;
  /** Whether to colour what people read, decided by the caller (`--no-color`, NO_COLOR). JSON never is. */
  readonly color: boolean;
  /** `-v`: show trace events. */
  readonly verbose: boolean;
}

export interface Reporter {
  readonly emit: Emit;
  /** Gives the terminal back and waits until everything is written. Call it on every way out, also without a recap. */
  finish(): Promise<void>;
}
