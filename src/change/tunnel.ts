/** A tunnel under work: its plan, its ends on their hosts, and what is expected of them. */
import type { End, FleetPlan, KeptPlan, TunnelPlan } from '../plan/plan.js';
import { expectEnd, resolveMtu, VXLAN_OVERHEAD, type ExpectedEnd } from '../verify/expect-end.js';
import type { TunnelEnd } from './tunnel-end.js';

interface AnyTunnel {
  readonly fleet: FleetPlan;
  readonly plan: TunnelPlan;
  /** The tunnels whose checks were answered in this run, and of which nothing has been found wrong since. */
  readonly proven: Set<TunnelPlan>;
  /** The id of the change that is to be made of it (history/change-id.ts). */
  readonly change: string;
  /** Of one that is taken away: what its record says of it, or its file where there is none. */
  readonly made?: KeptPlan | undefined;
}

/** Both ends. */
export interface Pair extends AnyTunnel {
  readonly hub: TunnelEnd;
  readonly spoke: TunnelEnd;
  /**
   * What proves a change: the plan's kernel state and packets; that what the found file makes (vxfleet did not render it) answers; or
   * that nothing of the tunnel is left.
   */
  readonly expects: 'plan' | 'answers' | 'nothing';
}

/** What is left of a tunnel whose other end is gone with its host, or has been taken away. */
interface Remnant extends AnyTunnel {
  readonly hub: TunnelEnd | undefined;
  readonly spoke: TunnelEnd | undefined;
  readonly expects: 'nothing';
}

export type Tunnel = Pair | Remnant;

/** Those that are there, the hub's first. */
export const endsOf = ({ hub, spoke }: Tunnel): TunnelEnd[] => [hub, spoke].filter((end) => end !== undefined);

/** What each end says; of one that is not there, what is said of nothing. Rejects as soon as one does. */
export async function askEnds<T>(
  { hub, spoke }: Tunnel,
  ask: (end: TunnelEnd) => Promise<T>,
  nothing: T,
): Promise<Record<End, T>> {
  const askOne = async (end: TunnelEnd | undefined): Promise<T> => (end === undefined ? nothing : await ask(end));
  const [ofHub, ofSpoke] = await Promise.all([askOne(hub), askOne(spoke)]);
  return { hub: ofHub, spoke: ofSpoke };
}

export function expectedOf({ plan }: Tunnel, end: TunnelEnd): ExpectedEnd {
  const device = deviceOf(plan, end);
  return {
    ...expectEnd(plan, end.end, deviceMtuOf(plan, end)),
    absentDevice: end.facts.devices.has(device) ? undefined : device,
  };
}

/** The MTU that each end would have, in bytes. */
export const mtus = ({ plan, hub, spoke }: Pair): Record<End, number> => ({
  hub: resolveMtu(plan, deviceMtuOf(plan, hub)),
  spoke: resolveMtu(plan, deviceMtuOf(plan, spoke)),
});

const deviceOf = (plan: TunnelPlan, { end }: TunnelEnd): string =>
  (end === 'hub' ? plan.hubUnderlay : plan.spokeUnderlay).device;

/** Of a device that does not exist: as large as the running tunnel needs it. Preflight refuses it by name. */
function deviceMtuOf(plan: TunnelPlan, end: TunnelEnd): number {
  const { devices, links } = end.facts;
  return devices.get(deviceOf(plan, end))?.mtu ?? (links.get(plan.interface)?.mtu ?? 0) + VXLAN_OVERHEAD;
}
