/** Trials that a run has left behind: ended before a new one begins, when nobody is there to end them or a person says so. */
import type { OpenTrial } from '../host/host-facts.js';
import { ENDS } from '../plan/plan.js';
import type { Tunnel } from './tunnel.js';

/**
 * Ends them, the spoke's first: then there is an answer when the hub asks what the spoke did. A trial whose run is alive is left to it.
 * @param force end also what a guard would end by itself when the window is over (`--takeover`)
 * @returns whether there were any: then what was inspected is no longer so
 */
export async function takeOverTrials(tunnel: Tunnel, force: boolean, windowSeconds: number): Promise<boolean> {
  const isAbandoned = (trial: OpenTrial | undefined): boolean =>
    trial?.holder === 'nobody' || (force && trial?.holder === 'guard');
  const abandoned = ENDS.toReversed().filter((end) => isAbandoned(tunnel[end].facts.trials.get(tunnel.plan.interface)));
  for (const end of abandoned) await tunnel[end].takeOver(windowSeconds);
  return abandoned.length > 0;
}
