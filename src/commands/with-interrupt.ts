import type { Emit } from '../events.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs work with a signal that Ctrl-C, SIGTERM and SIGHUP abort: nothing new starts, what is in trial is put back and proven. A
 * second Ctrl-C leaves at once, and the hosts take their open trials back alone.
 */
export async function withInterrupt<T>(emit: Emit, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      process.stderr.write('left at once: each host takes its open trials back alone\n');
      process.exit(130);
    }
    controller.abort();
    emit({ event: 'notice', level: 'warning', message: `${name}: starting no more; putting back what is in trial` });
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
