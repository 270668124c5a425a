/** One tunnel of a deploy (or diff): connect, inspect, compare, and change what differs. */
import type { Emit, TunnelFailure, TunnelResult } from '../events.js';
import type { EndDiff } from '../diff/fold-diffs.js';
import { ENDS, type End, type TunnelPlan } from '../plan/plan.js';
import type { HostSessionOptions } from '../host/host-session.js';
import { changeTunnel } from './change-tunnel.js';
import { describeChange } from './describe-change.js';
import type { InspectedHost } from './inspected-host.js';
import { inspectSpoke, joinTunnel, plannedEnds, type FleetAccess } from './open-tunnel.js';
import { refuseTwin } from './preflight/right-host.js';
import { warningsOf } from './preflight/warnings.js';
import type { Admit } from './run-fleet.js';
import { assessEnd, needsChange, refuseTunnel, sceneOf, type Tunnel } from './tunnel.js';
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
  /** End a trial that a dead run has left, before its window is over. */
  readonly takeover: boolean;
  /** Which ends may be changed. */
  readonly ends: 'both' | 'hub';
  /** Seconds until which packets must have come back, if it was said. */
  readonly verifySeconds: number | undefined;
  readonly signal: AbortSignal;
  readonly admit: Admit;
  readonly emit: Emit;
  /** Takes the differences of a tunnel's ends. */
  readonly onDiff: ((diffs: readonly EndDiff[]) => void) | undefined;
}

/** Never rejects: what happens is the result. */
export async function deployTunnel(
  access: FleetAccess,
  hub: InspectedHost,
  plan: TunnelPlan,
  options: DeployOptions,
): Promise<TunnelResult> {
  let spoke: InspectedHost | undefined;
  try {
    spoke = await inspectSpoke(access, plan, tellSteps(options.emit, plan));
    const hosts = await takeOverTrials(access, plan, { hub, spoke }, options);
    const tunnel = joinTunnel(access, plan, hosts, plannedEnds(access, plan, hosts));
    return await deployInspected(tunnel, hub.spokes, access.session, options);
  } catch (error) {
    return thrownResult(plan, error);
  } finally {
    await spoke?.session.close();
  }
}

async function deployInspected(
  tunnel: Tunnel,
  spokes: InspectedHost['spokes'],
  { identity, windowSeconds }: HostSessionOptions,
  options: DeployOptions,
): Promise<TunnelResult> {
  const { plan } = tunnel;
  const selected: readonly End[] = options.ends === 'hub' ? ['hub'] : ENDS;
  const assessments = selected.map((end) => assessEnd(tunnel, end));
  const changing = assessments.filter(needsChange);
  const ends = options.force && !options.dryRun ? selected : changing.map(({ end }) => end);
  options.onDiff?.(changing.map((assessment) => describeChange(tunnel, assessment)));

  if (ends.length === 0) return untouchedResult(plan, 'unchanged', null);
  for (const end of ENDS) {
    const scene = sceneOf(tunnel, end, { adopt: options.adopt, removes: false });
    for (const message of warningsOf(scene)) options.emit({ event: 'notice', level: 'warning', message });
  }
  const refusal = refuseDeploy(tunnel, ends, spokes, options.adopt);
  if (options.dryRun) return wouldChangeResult(plan, ends, false, refusal);
  if (refusal !== undefined) return untouchedResult(plan, 'failed', refusal);

  const { emit, verifySeconds, signal, admit } = options;
  return await changeTunnel(tunnel, ends, {
    identity,
    windowSeconds,
    verifySeconds,
    signal,
    admit,
    onStep: tellSteps(emit, plan),
    onWarning: (message) => emit({ event: 'notice', level: 'warning', message }),
  });
}

function refuseDeploy(
  tunnel: Tunnel,
  changing: readonly End[],
  spokes: InspectedHost['spokes'],
  adopt: boolean,
): TunnelFailure | undefined {
  const refusal = refuseTunnel(tunnel, { adopt, changing });
  if (refusal !== undefined) return refusal;
  const twin = refuseTwin(spokes, tunnel.plan, tunnel.spoke.facts);
  return twin && { code: 'refused', end: 'spoke', ...twin };
}
