/** A tunnel under work: its plan, its two ends on their hosts, and what is expected of each. */
import { VxfleetError } from '../errors.js';
import { ifupdownOf } from '../host/host-facts.js';
import type { Layer, TunnelFailure } from '../events.js';
import { refusalOf, type PreflightOptions } from './preflight.js';
import { ENDS, type End, type FleetPlan, type TunnelPlan } from '../plan/plan.js';
import { compareEnd, type Finding } from '../verify/compare-end.js';
import { expectEnd, resolveMtu, type ExpectedEnd } from '../verify/expect-end.js';
import type { EndAccess } from './tunnel-end.js';

export interface Tunnel {
  readonly fleet: FleetPlan;
  readonly plan: TunnelPlan;
  readonly hub: EndAccess;
  readonly spoke: EndAccess;
  /** Was the end rendered by the user's own template? Then the kernel may have more than we planned. */
  readonly custom: Readonly<Record<End, boolean>>;
  /**
   * What proves a change: the plan's kernel state and packets; that what the found file makes (vxfleet did not render it) answers; or
   * that nothing of the tunnel is left.
   */
  readonly proof: 'planned' | 'found' | 'gone';
}

/** How an end stands against what is desired. */
export interface Assessment {
  readonly end: End;
  readonly sameFile: boolean;
  /** How the kernel differs from the plan. */
  readonly drift: readonly Finding[];
}

export const needsChange = ({ sameFile, drift }: Assessment): boolean => !sameFile || drift.length > 0;

/** Why this tunnel must not be touched, or undefined. @param ends the ones that are there */
export function refuseTunnel(
  tunnel: Tunnel,
  { adopt }: Pick<PreflightOptions, 'adopt'>,
  ends: readonly End[] = ENDS,
): TunnelFailure | undefined {
  const removes = tunnel.proof === 'gone';
  for (const end of ends) {
    const refusal = refusalOf(tunnel[end].facts, tunnel.plan, end, { adopt, removes });
    if (refusal !== undefined) return { code: 'refused', end, ...refusal };
  }
  if (removes) return undefined;
  const { hub, spoke } = mtus(tunnel);
  if (hub === spoke) return undefined;
  return {
    code: 'refused',
    end: null,
    layer: 'params',
    message: `the two ends would have different MTUs: hub ${hub}, spoke ${spoke} (their underlay devices differ)`,
    hint: `Set vxlan.mtu: ${Math.min(hub, spoke)} for ${tunnel.plan.spoke}.`,
  };
}

/** What the inspection says of an end, file and kernel. */
export function assessEnd(tunnel: Tunnel, end: End): Assessment {
  const { facts, hasDesiredFile } = tunnel[end];
  const { interface: name } = tunnel.plan;
  const link = facts.links.get(name);
  // Without its entry in ifstate, ifupdown does nothing when the host goes down or somebody says ifdown (field-notes 1.4, 3.3).
  const isForgotten = ifupdownOf(facts) !== 'ifupdown2' && link !== undefined && !facts.configured.includes(name);
  return {
    end,
    sameFile: hasDesiredFile,
    drift: [
      ...compareEnd(expectedOf(tunnel, end), { link, network: facts.network }, !tunnel.custom[end]),
      ...(isForgotten ? [{ layer: 'link' as const, message: `${name} is up, and ifupdown does not know it` }] : []),
    ],
  };
}

export const expectedOf = (tunnel: Tunnel, end: End): ExpectedEnd =>
  expectEnd(tunnel.plan, end, deviceMtuOf(tunnel, end));

/** The MTU that each end would have, in bytes. */
export const mtus = (tunnel: Tunnel): Record<End, number> => ({
  hub: resolveMtu(tunnel.plan, deviceMtuOf(tunnel, 'hub')),
  spoke: resolveMtu(tunnel.plan, deviceMtuOf(tunnel, 'spoke')),
});

/** 0 stands for a device that does not exist: nothing equals it, and preflight refuses it by name. */
const deviceMtuOf = (tunnel: Tunnel, end: End): number => tunnel[end].facts.deviceMtu ?? 0;

/** A thrown error as the failure of a tunnel. */
export function failureOf(error: VxfleetError, plan: TunnelPlan): TunnelFailure {
  const end = error.host === undefined ? null : error.host === plan.spoke ? 'spoke' : 'hub';
  const layer: Layer | null = ['connect', 'host-key', 'auth', 'lost', 'timeout'].includes(error.code) ? 'ssh' : null;
  return { code: error.code, end, layer, message: error.message, hint: error.hint ?? null };
}
