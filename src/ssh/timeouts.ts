/** How long things may take, and what is said when they take longer. */

/** The cause of a timeout of ours, with the code that the kernel uses for its own. */
export function silence(message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

/** Whether a host stayed silent. It is not asked again: the kernel repeated the packets all the while, and every retry costs a whole timeout. */
export function isSilence(thrown: unknown): boolean {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ETIMEDOUT';
}

/** A timeout as messages say it: `10 s`, `0.3 s`. */
export const inSeconds = (milliseconds: number): string => `${milliseconds / 1000} s`;

/** Whether a promise settles in time. Rejects as it does. */
export async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
