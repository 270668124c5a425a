/** One tunnel of a deploy (or diff): connect, inspect, compare, and change what differs. */
import type { Emit, TunnelFailure, TunnelResult } from '../events.js';
import type { EndDiff } from '../diff/fold-diffs.js';
import { ENDS, type End, type TunnelPlan } from '../plan/plan.js';
import type { Host } from '../host/host.js';
import type { HostFacts } from '../host/host-facts.js';
import type { HostSessionOptions } from '../host/host-session.js';
import { changeTunnel } from './change-tunnel.js';
import { describeChange } from './describe-change.js';
import { describeLeftover, findLeftovers, withoutTunnels } from './orphans.js';
import { connectSpoke, joinTunnel, plannedEnds, type FleetAccess, type Hosts } from './open-tunnel.js';
import { refuseTwin } from './preflight/right-host.js';
import { warningsOf } from './preflight/warnings.js';
import type { Admit } from './run-fleet.js';
import { assessEnd, describeEdit, needsChange, refuseTunnel, sceneOf, stillEnds, type Tunnel } from './tunnel.js';
import { takeOverTrials } from './take-over.js';
import { tellSteps } from './tell-steps.js';
import { thrownResult, untouchedResult, wouldChangeResult } from './tunnel-result.js';

export interface DeployOptions {
  /** Only show what would change. */
  readonly dryRun: boolean;
  /** Bounce also what is unchanged. */
  readonly force: boolean;
  /** Take over a file that vxfleet did not write. */
  readonly adopt: boolean;
  /** Take away old tunnels of the site that only its spoke still has. */
  readonly prune: boolean;
  /** Of a dry run: tunnels that would have been taken away before. */
  readonly gone: readonly TunnelPlan[];
  /** End a trial that a dead run has left, before its window is over. */
  readonly takeover: boolean;
  /** Which ends may be changed. */
  readonly ends: 'both' | 'hub';
  /** Seconds until which packets must have come back, if it was said. */
  readonly verifySeconds: number | undefined;
  readonly signal: AbortSignal;
  readonly admit: Admit;
  readonly emit: Emit;
  /** Something a person should know; what was told already is not told again. */
  readonly onWarning: (message: string) => void;
  /** Takes the differences of a tunnel's ends. */
  readonly onDiff: ((diffs: readonly EndDiff[]) => void) | undefined;
}

/** Never rejects: what happens is the tunnel's result, the last one; before it those of old tunnels that were in its way. */
export async function deployTunnel(
  access: FleetAccess,
  hub: Host,
  plan: TunnelPlan,
  options: DeployOptions,
): Promise<readonly TunnelResult[]> {
  let spoke: Host | undefined;
  const pruned: TunnelResult[] = [];
  try {
    spoke = await connectSpoke(access, hub, plan, tellSteps(options.emit, plan));
    const hosts = { hub, spoke };
    await takeOverTrials(access, plan, hosts, options);
    const cleared = await clearSpoke(access, hosts, plan, options, pruned);
    const facts = { hub: withoutTunnels(hub.facts, options.gone), spoke: withoutTunnels(cleared, options.gone) };
    const tunnel = joinTunnel(access, plan, hosts, plannedEnds(access, plan, hosts), facts);
    return [...pruned, await deployInspected(tunnel, access.spokes, access.session, options)];
  } catch (error) {
    return [...pruned, thrownResult(plan, error)];
  } finally {
    await spoke?.close();
  }
}

/** Names or removes what the spoke has of old tunnels. @param pruned takes the results @returns what the spoke has without what was removed */
async function clearSpoke(
  access: FleetAccess,
  { hub, spoke }: Hosts,
  plan: TunnelPlan,
  options: DeployOptions,
  pruned: TunnelResult[],
): Promise<HostFacts> {
  const leftovers = findLeftovers(spoke.facts, plan, access.fleet, hub.facts);
  const { identity, windowSeconds } = access.session;
  const removable = options.prune && options.ends === 'both' ? leftovers.filter(({ hasFile }) => hasFile) : [];
  for (const leftover of leftovers) {
    if (!removable.includes(leftover)) options.onWarning(describeLeftover(leftover, plan.spoke));
  }
  if (removable.length === 0) return spoke.facts;
  const { pruneLeftover } = await import('./prune-tunnel.js');
  for (const leftover of removable) {
    const onStep = tellSteps(options.emit, { spoke: plan.spoke, interface: leftover.interface });
    const change = { ...options, identity, windowSeconds, unreachableToo: false, onStep };
    pruned.push(await pruneLeftover(access, spoke, plan, leftover, change));
  }
  if (options.dryRun) return withoutTunnels(spoke.facts, removable);
  await spoke.inspect();
  return spoke.facts;
}

async function deployInspected(
  tunnel: Tunnel,
  spokes: FleetAccess['spokes'],
  { identity, windowSeconds }: HostSessionOptions,
  options: DeployOptions,
): Promise<TunnelResult> {
  const { plan } = tunnel;
  const selected: readonly End[] = options.ends === 'hub' ? ['hub'] : ENDS;
  const assessments = selected.map((end) => assessEnd(tunnel, end));
  const changing = assessments.filter(needsChange);
  const ends = options.force && !options.dryRun ? selected : changing.map(({ end }) => end);
  options.onDiff?.(changing.map((assessment) => describeChange(tunnel, assessment)));

  const refusal = refuseDeploy(tunnel, ends, spokes, options.adopt);
  for (const { end, sameFile } of changing) if (!sameFile) tellEdited(tunnel, end, options.onWarning);
  if (ends.length === 0) {
    // It works, and the next change of it would be refused, or what works does not do its work, as at a hub that does not forward.
    if (refusal !== undefined)
      options.onWarning(`${placeOf(plan, refusal.end)}: ${refusal.message}. ${refusal.hint ?? ''}`);
    return untouchedResult(plan, 'unchanged', null);
  }
  for (const end of ENDS) {
    warningsOf(sceneOf(tunnel, end, { adopt: options.adopt, removes: false })).forEach((message) =>
      options.onWarning(message),
    );
  }
  if (options.dryRun) return wouldChangeResult(plan, ends, false, refusal);
  if (refusal !== undefined) return untouchedResult(plan, 'failed', refusal);

  const { emit, verifySeconds, signal, admit, onWarning } = options;
  return await changeTunnel(tunnel, ends, {
    identity,
    windowSeconds,
    verifySeconds,
    signal,
    admit,
    onStep: tellSteps(emit, plan),
    onWarning,
    still: options.force ? [] : stillEnds(tunnel, changing),
  });
}

/** A file of ours that is not as we left it is about to be overwritten; rollback brings it back. */
function tellEdited(tunnel: Tunnel, end: End, onWarning: (message: string) => void): void {
  const words = describeEdit(tunnel, end);
  if (words !== undefined)
    onWarning(`${placeOf(tunnel.plan, end)}: /etc/network/interfaces.d/${tunnel.plan.interface} ${words}`);
}

const placeOf = (plan: TunnelPlan, end: End | null): string => (end === 'hub' ? 'hub' : plan.spoke);

function refuseDeploy(
  tunnel: Tunnel,
  changing: readonly End[],
  spokes: FleetAccess['spokes'],
  adopt: boolean,
): TunnelFailure | undefined {
  const refusal = refuseTunnel(tunnel, { adopt, changing });
  if (refusal !== undefined) return refusal;
  const twin = refuseTwin(spokes, tunnel.plan, tunnel.spoke.facts);
  return twin && { code: 'refused', end: 'spoke', ...twin };
}
