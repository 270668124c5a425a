/** Ctrl-C: the lab is removed, and nothing new begins meanwhile. */

let isInterrupted = false;

/** Removes what is there and ends the program with 130; once. */
export function onInterrupt(remove: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isInterrupted) return;
      isInterrupted = true;
      process.stdout.write('removing the lab\n');
      remove()
        .catch((error: unknown) => process.stderr.write(`${String(error)}\n`))
        .finally(() => process.exit(130));
    });
  }
}

/** Before something begins, or fails because of it: once interrupted, it never returns. */
export async function haltWhenInterrupted(): Promise<void> {
  if (isInterrupted) await new Promise<never>(() => undefined);
}
