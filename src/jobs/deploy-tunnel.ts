/** One tunnel of a deploy (or diff): its old tunnels named or removed, then what differs from the inventory changed. */
import type { TunnelFailure, TunnelResult } from '../events.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import type { Admit } from '../change/change.js';
import { endsOf, type Pair } from '../change/tunnel.js';
import type { TunnelEnd } from '../change/tunnel-end.js';
import { untouchedResult } from '../change/tunnel-result.js';
import type { HostFacts } from '../host/host-facts.js';
import { refuseTwin } from '../preflight/right-host.js';
import { warningsOf } from '../preflight/warnings.js';
import {
  assessEnd,
  describeChange,
  describeEdit,
  needsChange,
  refuseTunnel,
  sceneOf,
  stillEnds,
} from './assess-end.js';
import { successorOf } from './former-spokes.js';
import { joinTunnel, plannedTarget, type Hosts } from './join-tunnel.js';
import { describeLeftover, findLeftovers, withoutTunnels } from './orphans.js';
import { warn, type Run } from './run.js';
import { carryOut, workOnSite, type Proposal } from './work-on-site.js';

export interface DeployOptions {
  /** Bounce also what is unchanged. */
  readonly force: boolean;
  /** Take over a file that vxfleet did not write. */
  readonly adopt: boolean;
  /** Asked for each old tunnel of the site that only its spoke still has: may it be taken away? */
  readonly mayPrune: () => boolean;
  /** Of a dry run: tunnels that would have been taken away before. */
  readonly gone: readonly TunnelPlan[];
  /** Which ends may be changed. */
  readonly ends: 'both' | 'hub';
}

/**
 * Never rejects: what happens is the tunnel's result, the last one; before it those of old tunnels that were in its way.
 * @param old the tunnel that the site has under another id, if it is to be given up for this one: both change together
 */
export async function deployTunnel(
  run: Run,
  plan: TunnelPlan,
  options: DeployOptions,
  admit: Admit,
  old?: TunnelPlan,
): Promise<readonly TunnelResult[]> {
  const pruned: TunnelResult[] = [];
  const results = await workOnSite(run, old === undefined ? [plan] : [old, plan], async (hosts) => {
    const spoke = await clearSpoke(run, hosts, plan, options, admit, pruned);
    const gone = old === undefined ? options.gone : [...options.gone, old];
    const facts = { hub: withoutTunnels(hosts.hub.facts, gone), spoke: withoutTunnels(spoke, gone) };
    const tunnel = joinTunnel(run, plan, hosts, plannedTarget(run, plan, hosts), facts);
    const removals = old === undefined ? [] : [(await import('./prune-tunnel.js')).removalOf(run, old, hosts)];
    return await carryOut(run, [...removals, proposeDeploy(run, tunnel, options)], admit);
  });
  return [...pruned, ...results];
}

/**
 * A site whose new id is still another's loses its old tunnel before it has the new one: not before it is known that it could have it.
 * @returns the result of an orphan that has to stay because its site's new tunnel would be refused, or undefined. Never rejects
 * @param orphan whose site the inventory may have under another id @param options of the deploy that is to follow
 */
export async function refuseMove(
  run: Run,
  orphan: TunnelPlan,
  options: DeployOptions,
): Promise<TunnelResult | undefined> {
  const next = successorOf(run, orphan);
  if (next === undefined) return undefined;
  const dryRun = { ...run, session: { ...run.session, writes: false }, emit: () => undefined, onDiff: undefined };
  const results = await deployTunnel(dryRun, next, { ...options, mayPrune: () => false }, async () => null);
  const { status, error } = results.at(-1) ?? {};
  // One that cannot be reached loses nothing but what pruning is told to take.
  if (error == null || status !== 'failed') return undefined;
  const message = `it stays, because ${next.spoke} could not have ${next.interface} instead: ${error.message}`;
  return untouchedResult(orphan, 'failed', { ...error, message });
}

/** Names or removes what the spoke has of old tunnels. @param pruned takes the results @returns what the spoke has without what was removed */
async function clearSpoke(
  run: Run,
  { hub, spoke }: Hosts,
  plan: TunnelPlan,
  options: DeployOptions,
  admit: Admit,
  pruned: TunnelResult[],
): Promise<HostFacts> {
  const leftovers = findLeftovers(spoke.facts, plan, run.fleet, hub.facts);
  const removable = leftovers.filter(({ hasFile }) => hasFile && options.ends === 'both' && options.mayPrune());
  for (const leftover of leftovers) {
    if (!removable.includes(leftover)) warn(run, describeLeftover(leftover, plan.spoke));
  }
  if (removable.length === 0) return spoke.facts;
  const { pruneLeftover } = await import('./prune-tunnel.js');
  for (const leftover of removable) pruned.push(...(await pruneLeftover(run, spoke, plan, leftover, admit)));
  if (run.session.writes) await spoke.inspect();
  return withoutTunnels(spoke.facts, run.session.writes ? [] : removable);
}

function proposeDeploy(run: Run, tunnel: Pair, options: DeployOptions): Proposal {
  const { plan } = tunnel;
  const { adopt, force } = options;
  const selected = options.ends === 'hub' ? [tunnel.hub] : endsOf(tunnel);
  const changing = selected.map((end) => assessEnd(tunnel, end)).filter(needsChange);
  const ends = force && run.session.writes ? selected : changing.map(({ end }) => end);
  run.onDiff?.(changing.map((assessment) => describeChange(plan, assessment)));

  const refusal = refuseDeploy(run, tunnel, ends, adopt);
  for (const { end } of changing) if (!end.hasDesiredFile) tellEdited(run, tunnel, end);
  const isUnchanged = ends.length === 0;
  // It works, and the next change of it would be refused, or what works does not do its work, as at a hub that does not forward.
  if (isUnchanged && refusal !== undefined) {
    warn(run, `${placeOf(plan, refusal.end)}: ${refusal.message}. ${refusal.hint ?? ''}`);
  }
  for (const end of isUnchanged ? [] : endsOf(tunnel)) {
    for (const message of warningsOf(sceneOf(tunnel, end, { adopt, removes: false }))) warn(run, message);
  }
  const still = force ? [] : stillEnds(changing);
  return { target: { tunnel, ends, still, noted: isUnchanged ? [] : [tunnel.hub] }, refusal };
}

/** A file of ours that is not as we left it is about to be overwritten; rollback brings it back. */
function tellEdited(run: Run, tunnel: Pair, end: TunnelEnd): void {
  const { plan } = tunnel;
  const words = describeEdit(tunnel, end);
  if (words !== undefined) warn(run, `${placeOf(plan, end.end)}: /etc/network/interfaces.d/${plan.interface} ${words}`);
}

const placeOf = (plan: TunnelPlan, end: End | null): string => (end === 'hub' ? 'hub' : plan.spoke);

function refuseDeploy(
  { spokes }: Run,
  tunnel: Pair,
  changing: readonly TunnelEnd[],
  adopt: boolean,
): TunnelFailure | undefined {
  const refusal = refuseTunnel(tunnel, changing, adopt);
  if (refusal !== undefined) return refusal;
  const twin = refuseTwin(spokes, tunnel.plan, tunnel.spoke.facts);
  return twin && { code: 'refused', end: 'spoke', ...twin };
}
