/** Keeps trials open while a proof takes its time. */
import type { EndAccess } from './tunnel-end.js';

/** Extensions a window: one that is late must not end a trial that is being proven. */
const EXTENSIONS_A_WINDOW = 4;

/**
 * Extends the trials again and again until the work is done. When it returns every extension has been answered: none may reach the
 * spoke after the hub has promised (docs/protocol.md).
 * @param windowSeconds the hub's window
 */
export async function whileExtending<T>(
  ends: readonly EndAccess[],
  windowSeconds: number,
  work: () => Promise<T>,
): Promise<T> {
  let answered: Promise<unknown> = Promise.resolve();
  const extend = async (): Promise<void> => {
    // A host that cannot be reached ends the trial alone; the step that follows is told so.
    await Promise.allSettled(ends.map((end) => end.extend()));
  };
  const timer = setInterval(
    () => void (answered = answered.then(extend)),
    (windowSeconds * 1000) / EXTENSIONS_A_WINDOW,
  );
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await answered;
  }
}
