import type { SshTarget } from '../inventory/inventory.js';
import type { FleetPlan } from '../plan/plan.js';

/** The password for sudo on a target; undefined: this target is shown none. */
export type BecomePasswordOf = (target: SshTarget) => string | undefined;

/**
 * Asks once for the whole fleet; nobody is asked when no host of it becomes root. The answer is for the inventory's own targets.
 * @param ask undefined without `--ask-become-pass`
 */
export async function askBecomePassword(
  { hub, tunnels }: FleetPlan,
  ask: (() => Promise<string>) | undefined,
): Promise<BecomePasswordOf> {
  const isWanted = [hub, ...tunnels].some(({ ssh }) => ssh.become === true);
  if (ask === undefined || !isWanted) return () => undefined;
  const password = await ask();
  return ({ become, isOfInventory }) => (become === true && isOfInventory ? password : undefined);
}
