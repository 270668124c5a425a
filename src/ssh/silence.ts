/** Marks the failures in which the other side said nothing for a whole timeout. */

/** The cause of a timeout of ours, with the code that the kernel uses for its own. */
export function silence(message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

/** Whether a host stayed silent. It is not asked again: the kernel repeated the packets all the while, and every retry costs a whole timeout. */
export function isSilence(thrown: unknown): boolean {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ETIMEDOUT';
}
