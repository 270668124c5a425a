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

/** What there is now, and what the operator has said. */
export interface Known {
  readonly tunnels: readonly TunnelPlan[];
  readonly formerWays: FormerWays;
}

/** The tunnel of now of a site that still has this one, under another id. @returns undefined if the site has left the inventory */
export const successorOf = ({ tunnels }: Pick<Known, 'tunnels'>, former: KeptPlan): TunnelPlan | undefined =>
  tunnels.find(
    ({ spoke, spokeUnderlay }) => spoke === former.spoke || spokeUnderlay.address === former.spokeUnderlay.address,
  );

/** A former tunnel as its spoke is reached now: as the operator has said, or, when the site has another tunnel, as the inventory says. */
export const formerSite = (known: Known, plan: KeptPlan): Site => ({
  ...plan,
  ssh: known.formerWays.get(plan.spoke) ?? successorOf(known, plan)?.ssh,
});

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
