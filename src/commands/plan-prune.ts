/** What `--prune` is about to remove: not more than its bound, and on a terminal not without an answer. */
import { VxfleetError } from '../errors.js';
import { formerSite, requireWays, successorOf, type Site } from '../jobs/former-spokes.js';
import { describeOrphan, findOrphans } from '../jobs/orphans.js';
import { warn, type Run } from '../jobs/run.js';
import type { TunnelPlan } from '../plan/plan.js';

export interface PruneFlags {
  readonly prune?: true;
  readonly pruneMax?: (total: number) => number;
  readonly yes?: true;
}

/** So many may go unasked, or a tenth of the fleet: an inventory of which half is missing takes nobody's tunnel. */
const DEFAULT_MOST = 3;

const mostOf = ({ pruneMax }: PruneFlags, total: number): number =>
  pruneMax?.(total) ?? Math.max(DEFAULT_MOST, Math.floor(total / 10));

export interface PrunePlan {
  /** At the hub, and not in the inventory. */
  readonly orphans: readonly TunnelPlan[];
  /** Asked for each old tunnel that only a spoke still has, as they are found: may it be removed too? */
  readonly mayPrune: () => boolean;
}

/**
 * The orphans that are to be removed; the others are named. Throws usage when it is not known how one is reached, refused for more than the bound,
 * interrupted when the person at the terminal does not want it.
 */
export async function planPrune(run: Run, flags: PruneFlags): Promise<PrunePlan> {
  const orphans = findOrphans(run.hub.facts, run.fleet);
  const removable = flags.prune === true ? orphans.filter(({ hasFile }) => hasFile) : [];
  for (const orphan of orphans) if (!removable.includes(orphan)) warn(run, describeOrphan(orphan));
  const sites: Site[] = [];
  for (const orphan of removable) {
    // With it comes the reading of what hosts keep, which few deploys need.
    const { planOfOrphan } = await import('../jobs/prune-tunnel.js');
    sites.push(formerSite(run, await planOfOrphan(run, run.hub, orphan)));
  }
  const reached = requireWays(sites);
  const most = mostOf(flags, run.fleet.tunnels.length);
  // A site that has another id in the inventory keeps a tunnel: of those there may be any number.
  const leaving = reached.filter((plan) => successorOf(run, plan) === undefined);
  if (leaving.length > most) refuseMany(run, leaving, most);
  let room = flags.prune === true ? most - leaving.length : 0;
  if (flags.prune === true && flags.yes !== true && run.session.writes) await confirm(run, reached, room);
  return { orphans: reached, mayPrune: () => room-- > 0 };
}

function refuseMany(run: Run, orphans: readonly TunnelPlan[], most: number): void {
  const error = new VxfleetError(
    'refused',
    `this would remove ${orphans.length} tunnels, and --prune-max is ${most}: ${namesOf(orphans)}`,
    { hint: `Is the inventory whole? If they are to go: --prune-max ${orphans.length}.` },
  );
  if (run.session.writes) throw error;
  warn(run, error.message);
}

/** @param room for what is found on spokes, which cannot be named before they are looked at */
async function confirm(run: Run, orphans: readonly TunnelPlan[], room: number): Promise<void> {
  if (orphans.length === 0) return;
  const others = room > 0 ? `, and at most ${room} that only spokes still have` : '';
  // Without a terminal nobody is asked: a script has said --prune.
  if ((await run.confirm(`Remove ${namesOf(orphans)}${others}?`)) !== false) return;
  throw new VxfleetError('interrupted', 'nothing was begun', { hint: 'Without --prune nothing is removed.' });
}

const namesOf = (tunnels: readonly TunnelPlan[]): string =>
  tunnels.map(({ spoke, interface: name }) => `${spoke} (${name})`).join(', ');
