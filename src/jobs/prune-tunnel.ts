/** An orphan taken away from both ends, as a change like any other: tried, proven to be gone, confirmed, and kept in the history. */
import { VxfleetError } from '../errors.js';
import type { TunnelResult } from '../events.js';
import type { Host } from '../host/host.js';
import type { End, KeptPlan, TunnelPlan } from '../plan/plan.js';
import type { Admit } from '../change/change.js';
import { endsOf, type Tunnel } from '../change/tunnel.js';
import type { TunnelEnd } from '../change/tunnel-end.js';
import { thrownResult } from '../change/tunnel-result.js';
import { describeChange, refuseTunnel } from './assess-end.js';
import { fetchHistory, planOfHead } from './gather-history.js';
import { joinTunnel, NOTHING, remnantOf, type Hosts } from './join-tunnel.js';
import { planOrphan, type Orphan } from './orphans.js';
import { warn, type Run } from './run.js';
import { carryOut, workOnSite, type Proposal } from './work-on-site.js';

/** The plan by which an orphan was made: its newest generation's, or what its file says. Rejects with lost, timeout or host. */
export async function planOfOrphan({ fleet }: Run, host: Host, orphan: Orphan): Promise<KeptPlan> {
  const { ends } = await fetchHistory(host, [orphan.interface]);
  return (await planOfHead(host, ends.get(orphan.interface))) ?? planOrphan(orphan, fleet);
}

/** Never rejects: what happens is the result. @param unreachableToo take the hub's end away alone when the spoke cannot be reached */
export async function pruneTunnel(
  run: Run,
  plan: TunnelPlan,
  unreachableToo: boolean,
  admit: Admit,
): Promise<readonly TunnelResult[]> {
  let thrown: unknown;
  const remove = async (hosts: Hosts) => carryOut(run, [removalOf(run, plan, hosts)], admit);
  const results = await workOnSite(run, [plan], remove, (error) => (thrown = error));
  const [result] = results;
  const { error } = result ?? {};
  // One that answers and does not let us in, is busy, or is not the host it was, may well be in use. Nor does a jump host that is down say anything of it.
  const isGone = thrown instanceof VxfleetError && thrown.isUnanswered && thrown.host === plan.spoke;
  if (result === undefined || error == null || !isGone) return results;
  if (!unreachableToo) {
    const hint = '--prune-unreachable removes the end at the hub alone, if the spoke is gone for good.';
    return [{ ...result, error: { ...error, hint } }];
  }
  warn(run, `${plan.spoke}: ${error.message}; only the hub's end is removed`);
  const removed = await pruneRemnant(run, plan, 'hub', run.hub, plan, admit);
  return removed.map(ofHubAlone);
}

/** Of the spoke it is only known that it did not answer. */
const ofHubAlone = (result: TunnelResult): TunnelResult => ({
  ...result,
  status: result.status === 'removed' ? 'removed_at_hub' : result.status,
  ends: { ...result.ends, spoke: 'unreachable' },
});

/** The removal of both ends. */
export function removalOf(run: Run, plan: TunnelPlan, hosts: Hosts): Proposal {
  const tunnel = joinTunnel(run, plan, hosts, { hub: NOTHING, spoke: NOTHING, expects: 'nothing', made: plan });
  return propose(run, tunnel, [tunnel.hub]);
}

/**
 * An old tunnel of this site that only the spoke still has. Never rejects: what happens is the result.
 * @param today the spoke's tunnel of now
 */
export async function pruneLeftover(
  run: Run,
  spoke: Host,
  today: TunnelPlan,
  leftover: Orphan,
  admit: Admit,
): Promise<readonly TunnelResult[]> {
  const site = { spoke: today.spoke, spokeUnderlay: today.spokeUnderlay, ssh: today.ssh };
  try {
    const made = await planOfOrphan(run, spoke, leftover);
    return await pruneRemnant(run, { ...made, ...site }, 'spoke', spoke, made, admit);
  } catch (error) {
    return [thrownResult({ ...planOrphan(leftover, run.fleet), ...site }, error)];
  }
}

async function pruneRemnant(
  run: Run,
  plan: TunnelPlan,
  end: End,
  host: Host,
  made: KeptPlan,
  admit: Admit,
): Promise<readonly TunnelResult[]> {
  try {
    // The interface at the hub may be another site's by now: what the spoke has left is nothing for its history.
    return await carryOut(run, [propose(run, remnantOf(run, plan, end, host, made), [])], admit);
  } catch (error) {
    return [thrownResult(plan, error)];
  }
}

function propose(run: Run, tunnel: Tunnel, noted: readonly TunnelEnd[]): Proposal {
  const { plan } = tunnel;
  const ends = endsOf(tunnel).filter(({ current, facts }) => current !== null || facts.links.has(plan.interface));
  run.onDiff?.(ends.map((end) => describeChange(plan, { end, drift: [] })));
  return { target: { tunnel, ends, still: [], noted }, refusal: refuseTunnel(tunnel, ends, true) };
}
