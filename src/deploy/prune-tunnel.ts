/** An orphan taken away from both ends, as a change like any other: tried, proven to be gone, confirmed, and kept in the history. */
import { VxfleetError } from '../errors.js';
import type { TunnelResult } from '../events.js';
import type { EndDiff } from '../diff/fold-diffs.js';
import { makeChangeId } from '../history/change-id.js';
import { generationsOf } from '../history/record.js';
import { ENDS, type End, type TunnelPlan } from '../plan/plan.js';
import { ownerOf } from '../render/check-stanza.js';
import { absentEnd } from './absent-end.js';
import type { ChangeOptions } from './change.js';
import { changeTunnel } from './change-tunnel.js';
import { describeChange } from './describe-change.js';
import { fetchHistory, planOf } from './gather-history.js';
import type { Host } from '../host/host.js';
import { connectSpoke, joinTunnel, type DesiredEnds, type FleetAccess } from './open-tunnel.js';
import { planOrphan, type Orphan } from './orphans.js';
import { takeOverTrials } from './take-over.js';
import { TunnelEnd, type EndAccess } from './tunnel-end.js';
import { thrownResult, untouchedResult, wouldChangeResult } from './tunnel-result.js';
import { refuseTunnel, type Tunnel } from './tunnel.js';

export interface PruneOptions extends ChangeOptions {
  /** Only show what would go. */
  readonly dryRun: boolean;
  /** End a trial that a dead run has left. */
  readonly takeover: boolean;
  /** Take the hub's end away alone when the spoke cannot be reached. */
  readonly unreachableToo: boolean;
  readonly onDiff: ((diffs: readonly EndDiff[]) => void) | undefined;
}

const NOTHING: DesiredEnds = { hub: null, spoke: null, custom: { hub: false, spoke: false }, proof: 'gone' };

/**
 * The plan by which an orphan was made: its newest generation's, or what its file says. Rejects with lost, timeout or host.
 */
export async function planOfOrphan(access: FleetAccess, host: Host, orphan: Orphan): Promise<TunnelPlan> {
  const { ends } = await fetchHistory(host, [orphan.interface]);
  const history = ends.get(orphan.interface);
  const newest = history === undefined ? undefined : generationsOf(history).findLast(({ hasFile }) => hasFile);
  const plan = newest === undefined ? null : await planOf(host, newest);
  return plan ?? planOrphan(orphan, access.fleet);
}

/** Never rejects: what happens is the result. */
export async function pruneTunnel(
  access: FleetAccess,
  hub: Host,
  plan: TunnelPlan,
  options: PruneOptions,
): Promise<TunnelResult> {
  let spoke: Host | undefined;
  try {
    spoke = await connectSpoke(access, hub, plan, options.onStep);
    const hosts = { hub, spoke };
    await takeOverTrials(access, plan, hosts, options);
    return await prune(joinTunnel(access, plan, hosts, NOTHING), options);
  } catch (error) {
    const result = thrownResult(plan, error);
    // One that answers and does not let us in, or is not the host it was, may well be in use.
    if (spoke !== undefined || result.error?.code !== 'connect') return result;
    if (!options.unreachableToo) return withHint(result);
    options.onWarning(`${plan.spoke}: ${result.error?.message ?? 'unreachable'}; only the hub's end is removed`);
    return await pruneAlone(access, 'hub', hub, plan, options);
  } finally {
    await spoke?.close();
  }
}

/**
 * An old tunnel of this site that only the spoke still has. Never rejects: what happens is the result.
 * @param today the spoke's tunnel of now
 */
export async function pruneLeftover(
  access: FleetAccess,
  spoke: Host,
  today: TunnelPlan,
  leftover: Orphan,
  options: PruneOptions,
): Promise<TunnelResult> {
  const site = { spoke: today.spoke, spokeUnderlay: today.spokeUnderlay, ssh: today.ssh };
  const fromFile = { ...planOrphan(leftover, access.fleet), ...site };
  try {
    const plan = { ...(await planOfOrphan(access, spoke, leftover)), ...site };
    // The interface at the hub may be another site's by now: this is nothing for its history.
    return await pruneAlone(access, 'spoke', spoke, plan, { ...options, noted: [] });
  } catch (error) {
    return thrownResult(fromFile, error);
  }
}

async function pruneAlone(
  access: FleetAccess,
  end: End,
  host: Host,
  plan: TunnelPlan,
  options: PruneOptions,
): Promise<TunnelResult> {
  const change = makeChangeId(access.session.identity.run);
  const present: EndAccess = new TunnelEnd(plan, end, { host, facts: host.facts }, null, change);
  const ends =
    end === 'hub'
      ? { hub: present, spoke: absentEnd('spoke', plan.spoke) }
      : { hub: absentEnd('hub', 'hub'), spoke: present };
  const { custom, proof } = NOTHING;
  try {
    const { fleet, proven } = access;
    return await prune({ fleet, proven, plan, change, ...ends, custom, proof }, options);
  } catch (error) {
    return thrownResult(plan, error);
  }
}

async function prune(tunnel: Tunnel, options: PruneOptions): Promise<TunnelResult> {
  const { plan } = tunnel;
  const ends = ENDS.filter((end) => tunnel[end].current !== null || tunnel[end].facts.links.has(plan.interface));
  if (ends.includes('hub')) for (const end of ends) checkOwner(tunnel, end);
  options.onDiff?.(ends.map((end) => describeChange(tunnel, { end, drift: [], sameFile: tunnel[end].hasDesiredFile })));
  const refusal = refuseTunnel(tunnel, { adopt: true, changing: ends, present: ends });
  if (!options.dryRun) {
    return refusal === undefined ? await changeTunnel(tunnel, ends, options) : untouchedResult(plan, 'failed', refusal);
  }
  return wouldChangeResult(plan, ends, true, refusal);
}

/** The spoke may have been given another tunnel of that name by another hub, or by hand. */
function checkOwner(tunnel: Tunnel, end: End): void {
  const { plan } = tunnel;
  const { current } = tunnel[end];
  if (current === null) return;
  const owner = ownerOf(current);
  if (owner !== undefined && (owner.spoke === undefined || owner.spoke === plan.spoke)) return;
  const host = end === 'hub' ? 'hub' : plan.spoke;
  throw new VxfleetError('refused', `${plan.interface} at ${host} is not the tunnel that is to be removed`, {
    host,
    hint: `Look at /etc/network/interfaces.d/${plan.interface} there, and remove it by hand if nobody needs it.`,
  });
}

const withHint = (result: TunnelResult): TunnelResult => ({
  ...result,
  error:
    result.error === null
      ? null
      : {
          ...result.error,
          hint: '--prune-unreachable removes the end at the hub alone, if the spoke is gone for good.',
        },
});
