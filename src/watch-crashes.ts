import { VxfleetError } from './errors.js';

interface Watched {
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (thrown: unknown) => void): unknown;
}

/**
 * What nobody has caught ends the process as a bug, told like every other error: Node.js would print it raw and exit with 1, which says that the
 * tunnels are safe. Hosts take back alone what is in trial.
 * @param end tells the error and ends the process
 */
export function watchCrashes(process: Watched, end: (error: VxfleetError) => Promise<void>): void {
  let isOver = false;
  const crash = (thrown: unknown): void => {
    // What happens while it is told is the first one's doing.
    if (isOver) return;
    isOver = true;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    void end(new VxfleetError('internal', message, { cause: thrown }));
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}
