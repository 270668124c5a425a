/** One tunnel of a verify: the proof of a deploy, at any time, changing nothing. */
import type { TunnelFailure, TunnelResult } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';
import { findFragmentation } from '../change/fragmentation.js';
import { proveTunnel } from '../change/prove-tunnel.js';
import { endsOf, type Pair } from '../change/tunnel.js';
import { untouchedResult } from '../change/tunnel-result.js';
import { blindnessOf } from '../preflight/host-fitness.js';
import { describeEdit, refuseTunnel, sceneOf } from './assess-end.js';
import { joinTunnel, plannedTarget } from './join-tunnel.js';
import { warn, type Run } from './run.js';
import { workOnSite } from './work-on-site.js';

/** A line whose round trip takes longer carries no tunnel that anybody could use. */
const VERIFY_SECONDS = 5;

/** Never rejects: what happens is the result. */
export async function verifyTunnel(run: Run, plan: TunnelPlan): Promise<readonly TunnelResult[]> {
  return await workOnSite(run, [plan], async (hosts) => {
    const tunnel = joinTunnel(run, plan, hosts, plannedTarget(run, plan, hosts));
    const blindness = blindnessOfEnds(tunnel);
    if (blindness !== null) return [untouchedResult(plan, 'failed', blindness)];
    run.emit({ event: 'step', spoke: plan.spoke, interface: plan.interface, step: 'verify' });
    const proof = await proveTunnel(tunnel, run.verifySeconds ?? VERIFY_SECONDS);
    const { checks, transit, intrusions, failure } = proof;
    const fragments = proof.sawFragments ? await findFragmentation(tunnel) : undefined;
    if (fragments !== undefined) warn(run, fragments);
    const error = withCause(tunnel, fileFailure(tunnel, failure) ?? failure, failure === null);
    const result = untouchedResult(plan, error === null ? 'unchanged' : 'failed', error);
    return [{ ...result, ends: { hub: 'unchanged', spoke: 'unchanged' }, checks, transit, intrusions }];
  });
}

/** What a deploy would be refused for is why, or makes what was found plain. */
function withCause(tunnel: Pair, failure: TunnelFailure | null, works: boolean): TunnelFailure | null {
  const cause = works ? undefined : refuseTunnel(tunnel, [], true);
  if (failure === null || cause === undefined) return failure;
  const { end, layer, message, hint } = cause;
  const said = failure.message.includes(message) ? failure.message : `${failure.message}: ${message}`;
  return { ...failure, end, layer, message: said, hint };
}

/** A host that cannot be asked must not be said to have no tunnel. */
function blindnessOfEnds(tunnel: Pair): TunnelFailure | null {
  for (const end of endsOf(tunnel)) {
    const refusal = blindnessOf(sceneOf(tunnel, end, { adopt: false, removes: false }));
    if (refusal !== undefined) return { code: 'refused', end: end.end, ...refusal };
  }
  return null;
}

/**
 * The file comes before the link in the order of diagnosis: with another file the kernel is another by nature. And a tunnel that works
 * without its file is gone after the next reboot.
 */
function fileFailure(tunnel: Pair, failure: TunnelFailure | null): TunnelFailure | null {
  const end = endsOf(tunnel).find(({ hasDesiredFile }) => !hasDesiredFile);
  if (end === undefined) return null;
  const path = `/etc/network/interfaces.d/${tunnel.plan.interface}`;
  const isThere = end.current !== null;
  const what = describeEdit(tunnel, end) ?? (isThere ? 'is not the one that the inventory makes' : 'does not exist');
  const rest = failure === null ? 'though the tunnel answers' : `and ${failure.message}`;
  const { spoke } = tunnel.plan;
  return {
    code: 'verify',
    end: end.end,
    layer: 'file',
    message: `${path} ${what}, ${rest}`,
    hint: `Not deployed yet? vxfleet diff ${spoke}; vxfleet deploy ${spoke}.`,
  };
}
