/**
 * Spokes that the inventory no longer names. A hub keeps their names and underlay addresses; where we log in for them is the operator's to say
 * (`--ssh`), so that no host can send us to another one.
 */
import { VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import type { KeptPlan, TunnelPlan } from '../plan/plan.js';

/** By the spoke's name. */
export type FormerWays = ReadonlyMap<string, SshTarget>;

/** A tunnel of the inventory, or a former one; undefined: nobody has said how its spoke is reached. */
export type Site = KeptPlan & { readonly ssh: SshTarget | undefined };

export const formerSite = (ways: FormerWays, plan: KeptPlan): Site => ({ ...plan, ssh: ways.get(plan.spoke) });

export const isReached = (site: Site): site is TunnelPlan => site.ssh !== undefined;

/** Throws usage when it is not known of all how they are reached. */
export function requireWays(sites: readonly Site[]): readonly TunnelPlan[] {
  const lost = sites.filter((site) => !isReached(site));
  if (lost.length === 0) return sites.filter(isReached);
  const names = [...new Set(lost.map(({ spoke }) => spoke))];
  const hint = lost.map(
    ({ spoke, spokeUnderlay: { address } }) => `--ssh ${spoke}=HOST (its underlay address was ${address})`,
  );
  throw new VxfleetError(
    'usage',
    `the inventory does not say how ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} reached: vxfleet takes that from nobody but you`,
    { hint: `Say it with ${[...new Set(hint)].join(', ')}.` },
  );
}
