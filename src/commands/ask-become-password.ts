import type { SshTarget } from '../inventory/inventory.js';
import type { FleetPlan } from '../plan/plan.js';

/** The password for sudo on a target; undefined: this target is shown none. */
export type BecomePasswordOf = (target: SshTarget) => string | undefined;

/**
 * Asks once for the whole fleet; nobody is asked when no host of it becomes root. The answer is for the inventory's own targets, object for
 * object: what a host's records or files say of another host (rollback, --prune) must not decide who is shown a password.
 * @param ask undefined without `--ask-become-pass`
 */
export async function askBecomePassword(
  { hub, tunnels }: FleetPlan,
  ask: (() => Promise<string>) | undefined,
): Promise<BecomePasswordOf> {
  const targets = new Set([hub, ...tunnels].map(({ ssh }) => ssh).filter(({ become }) => become === true));
  if (ask === undefined || targets.size === 0) return () => undefined;
  const password = await ask();
  return (target) => (targets.has(target) ? password : undefined);
}
