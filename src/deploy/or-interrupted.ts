/**
 * The work's result, or undefined as soon as the signal aborts: whoever pressed Ctrl-C does not wait for a proof that may take its
 * whole time. The hosts drop what is still asked of them when our session ends.
 */
export async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  // When it loses the race, how it ends matters to nobody.
  work.catch(() => undefined);
  if (signal.aborted) return undefined;
  let interrupt = (): void => {};
  const interrupted = new Promise<undefined>((resolve) => {
    interrupt = () => resolve(undefined);
    signal.addEventListener('abort', interrupt, { once: true });
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
