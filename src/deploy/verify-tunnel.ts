/** One tunnel of a verify: the proof of a deploy, at any time, changing nothing. */
import type { Emit, TunnelResult } from '../events.js';
import { ENDS, type TunnelPlan } from '../plan/plan.js';
import type { Host } from '../host/host.js';
import { blindnessOf } from './host-fitness.js';
import { findFragmentation } from './fragmentation.js';
import { connectSpoke, joinTunnel, plannedEnds, type FleetAccess } from './open-tunnel.js';
import { proveTunnel } from './prove-tunnel.js';
import { tellSteps } from './tell-steps.js';
import { thrownResult, untouchedResult } from './tunnel-result.js';
import { describeEdit, refuseTunnel, sceneOf, type Tunnel } from './tunnel.js';
import type { TunnelFailure } from '../events.js';

export interface VerifyOptions {
  /** Seconds until which packets must have come back, if it was said. */
  readonly verifySeconds: number | undefined;
  readonly emit: Emit;
}

/** A line whose round trip takes longer carries no tunnel that anybody could use. */
const VERIFY_SECONDS = 5;

/** Never rejects: what happens is the result. */
export async function verifyTunnel(
  access: FleetAccess,
  hub: Host,
  plan: TunnelPlan,
  { verifySeconds, emit }: VerifyOptions,
): Promise<TunnelResult> {
  let spoke: Host | undefined;
  try {
    const onStep = tellSteps(emit, plan);
    spoke = await connectSpoke(access, hub, plan, onStep);
    const tunnel = joinTunnel(access, plan, { hub, spoke }, plannedEnds(access, plan, { hub, spoke }));
    const blindness = blindnessOfEnds(tunnel);
    if (blindness !== null) return untouchedResult(plan, 'failed', blindness);
    onStep('verify');
    const { checks, transit, sawFragments, failure } = await proveTunnel(tunnel, verifySeconds ?? VERIFY_SECONDS);
    const fragments = sawFragments ? await findFragmentation(tunnel) : undefined;
    if (fragments !== undefined) emit({ event: 'notice', level: 'warning', message: fragments });
    const error = withCause(tunnel, fileFailure(tunnel, failure) ?? failure, failure === null);
    return {
      ...untouchedResult(plan, error === null ? 'unchanged' : 'failed', error),
      ends: { hub: 'unchanged', spoke: 'unchanged' },
      checks,
      transit,
    };
  } catch (error) {
    return thrownResult(plan, error);
  } finally {
    await spoke?.close();
  }
}

/** What a deploy would be refused for is why, or makes what was found plain. */
function withCause(tunnel: Tunnel, failure: TunnelFailure | null, works: boolean): TunnelFailure | null {
  const cause = works ? undefined : refuseTunnel(tunnel, { adopt: true, changing: [] });
  if (failure === null || cause === undefined) return failure;
  const { end, layer, message, hint } = cause;
  const said = failure.message.includes(message) ? failure.message : `${failure.message}: ${message}`;
  return { ...failure, end, layer, message: said, hint };
}

/** A host that cannot be asked must not be said to have no tunnel. */
function blindnessOfEnds(tunnel: Tunnel): TunnelFailure | null {
  for (const end of ENDS) {
    const refusal = blindnessOf(sceneOf(tunnel, end, { adopt: false, removes: false }));
    if (refusal !== undefined) return { code: 'refused', end, ...refusal };
  }
  return null;
}

/**
 * The file comes before the link in the order of diagnosis: with another file the kernel is another by nature. And a tunnel that works
 * without its file is gone after the next reboot.
 */
function fileFailure(tunnel: Tunnel, failure: TunnelFailure | null): TunnelFailure | null {
  const end = ENDS.find((one) => !tunnel[one].hasDesiredFile);
  if (end === undefined) return null;
  const path = `/etc/network/interfaces.d/${tunnel.plan.interface}`;
  const isThere = tunnel[end].current !== null;
  const what = describeEdit(tunnel, end) ?? (isThere ? 'is not the one that the inventory makes' : 'does not exist');
  const rest = failure === null ? 'though the tunnel answers' : `and ${failure.message}`;
  const { spoke } = tunnel.plan;
  return {
    code: 'verify',
    end,
    layer: 'file',
    message: `${path} ${what}, ${rest}`,
    hint: `Not deployed yet? vxfleet diff ${spoke}; vxfleet deploy ${spoke}.`,
  };
}
