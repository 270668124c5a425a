import { setMaxListeners } from 'node:events';
import type { Emit, RunEvent, Step } from '../events.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs work with a signal that Ctrl-C, SIGTERM and SIGHUP abort: nothing new starts, what is in trial is put back and proven. A
 * second Ctrl-C leaves at once, says what is in trial, and the hosts take it back alone.
 * @param work takes the signal, and the emit to use from there on
 */
export async function withInterrupt<T>(emit: Emit, work: (signal: AbortSignal, emit: Emit) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  // Every tunnel under work listens for a while.
  setMaxListeners(0, controller.signal);
  const inTrial = new Map<string, string>();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      // Through what shows the run: it may draw on the terminal, and takes that away as it ends.
      emit({ event: 'notice', level: 'warning', message: describeLeft([...inTrial.values()]) });
      process.exit(130);
    }
    controller.abort();
    emit({ event: 'notice', level: 'warning', message: `${name}: starting no more; putting back what is in trial` });
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  const watch: Emit = (event) => {
    watchTrials(inTrial, event);
    emit(event);
  };
  try {
    return await work(controller.signal, watch);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

/** Steps in which nothing that runs is touched. */
const UNTOUCHED: readonly Step[] = ['connect', 'inspect', 'prepare'];

/** Keeps those tunnels by name whose hosts have been told to try something. */
function watchTrials(inTrial: Map<string, string>, event: RunEvent): void {
  if (event.event === 'tunnel') inTrial.delete(event.spoke);
  if (event.event !== 'step' || UNTOUCHED.includes(event.step)) return;
  inTrial.set(event.spoke, `${event.spoke} (${event.interface})`);
}

function describeLeft(tunnels: readonly string[]): string {
  if (tunnels.length === 0) return 'left at once: nothing was in trial';
  return `left at once, in trial: ${tunnels.join(', ')}. Their hosts take these back alone, at once or when the window is over. Then: vxfleet verify`;
}
