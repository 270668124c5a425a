/** A tunnel under work: its plan, its two ends on their hosts, and what is expected of each. */
import { VxfleetError } from '../errors.js';
import { ifupdownOf } from '../host/host-facts.js';
import type { Layer, TunnelFailure } from '../events.js';
import { finderOf, runOf } from '../history/change-id.js';
import { refusalOf } from './preflight.js';
import { refuseMtus, refuseOneEnd } from './preflight/both-ends.js';
import type { PreflightOptions, Scene } from './preflight/scene.js';
import { ENDS, type End, type FleetPlan, type TunnelPlan } from '../plan/plan.js';
import { compareEnd, type Finding } from '../verify/compare-end.js';
import { expectEnd, resolveMtu, VXLAN_OVERHEAD, type ExpectedEnd } from '../verify/expect-end.js';
import type { EndAccess } from './tunnel-end.js';

export interface Tunnel {
  readonly fleet: FleetPlan;
  readonly plan: TunnelPlan;
  /** The tunnels that the run has proven so far. */
  readonly proven: Set<TunnelPlan>;
  /** The id of the change that is to be made of it (history/change-id.ts). */
  readonly change: string;
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

/** Those whose file changes in its comments alone, and whose kernel is as planned: nothing has to be bounced for it. */
export const stillEnds = (tunnel: Tunnel, assessments: readonly Assessment[]): readonly End[] =>
  assessments
    .filter(({ end, sameFile, drift }) => !sameFile && drift.length === 0 && hasSameStanzas(tunnel[end]))
    .map(({ end }) => end);

const hasSameStanzas = ({ current, desired }: EndAccess): boolean =>
  current !== null && desired !== null && withoutComments(current) === withoutComments(desired);

/** As ifupdown reads it. */
const withoutComments = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !/^\s*(?:#|$)/.test(line))
    .join('\n');

export interface RefusalOptions {
  readonly adopt: boolean;
  /** The ends that are there; both unless a host is gone. */
  readonly present?: readonly End[];
  /** The ends that are to be changed; the others stay as they are. */
  readonly changing: readonly End[];
}

/** Why this tunnel must not be touched, or undefined. */
export function refuseTunnel(
  tunnel: Tunnel,
  { adopt, changing, present = ENDS }: RefusalOptions,
): TunnelFailure | undefined {
  const removes = tunnel.proof === 'gone';
  for (const end of present) {
    const refusal = refusalOf(sceneOf(tunnel, end, { adopt, removes }));
    if (refusal !== undefined) return { code: 'refused', end, ...refusal };
  }
  if (removes) return undefined;
  const ends = mtus(tunnel);
  const facts = { hub: tunnel.hub.facts, spoke: tunnel.spoke.facts };
  const refusal =
    refuseMtus(tunnel.plan, ends) ??
    (tunnel.proof === 'found' ? undefined : refuseOneEnd(tunnel.plan, changing, facts, ends.hub));
  return refusal && { code: 'refused', end: null, ...refusal };
}

/** What a rule of preflight looks at. */
export const sceneOf = ({ fleet, plan, ...tunnel }: Tunnel, end: End, options: PreflightOptions): Scene => ({
  ...options,
  fleet,
  tunnel: plan,
  end,
  facts: tunnel[end].facts,
  otherFacts: tunnel[end === 'hub' ? 'spoke' : 'hub'].facts,
});

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

/** What somebody has done to the file since a run of ours, if anything: to go on after its path. */
export function describeEdit(tunnel: Tunnel, end: End): string | undefined {
  const { facts, current } = tunnel[end];
  const change = facts.edited.get(tunnel.plan.interface);
  if (change === undefined) return undefined;
  const finder = finderOf(change);
  const since = finder === change ? `run ${runOf(change)}` : `run ${runOf(finder)} found it there`;
  return `was ${current === null ? 'removed' : 'edited'} on the host since ${since}`;
}

export const expectedOf = (tunnel: Tunnel, end: End): ExpectedEnd => ({
  ...expectEnd(tunnel.plan, end, deviceMtuOf(tunnel, end)),
  absentDevice: tunnel[end].facts.devices.has(deviceOf(tunnel, end)) ? undefined : deviceOf(tunnel, end),
});

/** The MTU that each end would have, in bytes. */
export const mtus = (tunnel: Tunnel): Record<End, number> => ({
  hub: resolveMtu(tunnel.plan, deviceMtuOf(tunnel, 'hub')),
  spoke: resolveMtu(tunnel.plan, deviceMtuOf(tunnel, 'spoke')),
});

const deviceOf = ({ plan }: Tunnel, end: End): string => (end === 'hub' ? plan.hubUnderlay : plan.spokeUnderlay).device;

/** Of a device that does not exist: as large as the running tunnel needs it. Preflight refuses it by name. */
function deviceMtuOf(tunnel: Tunnel, end: End): number {
  const { devices, links } = tunnel[end].facts;
  return devices.get(deviceOf(tunnel, end))?.mtu ?? (links.get(tunnel.plan.interface)?.mtu ?? 0) + VXLAN_OVERHEAD;
}

/** A thrown error as the failure of a tunnel. */
export function failureOf(error: VxfleetError, plan: TunnelPlan): TunnelFailure {
  const end = error.host === undefined ? null : error.host === plan.spoke ? 'spoke' : 'hub';
  const layer: Layer | null = ['connect', 'host-key', 'auth', 'lost', 'timeout'].includes(error.code) ? 'ssh' : null;
  return { code: error.code, end, layer, message: error.message, hint: error.hint ?? null };
}
