/** From a plan to a tunnel whose two ends can be worked on: connect, inspect, render. */
import { makeChangeId } from '../history/change-id.js';
import { Host, type HostAccess } from '../host/host.js';
import { HostSession, type HostSessionOptions } from '../host/host-session.js';
import { ifupdownOf, type HostFacts } from '../host/host-facts.js';
import type { End, FleetPlan, TunnelPlan } from '../plan/plan.js';
import type { EndFile, FleetFiles } from '../render/render-fleet.js';
import type { Transport } from '../ssh/transport.js';
import { resolveMtu } from '../verify/expect-end.js';
import { fleetQueries } from '../verify/queries.js';
import { wayQuestions, type WayQuestion } from '../verify/underlay-ways.js';
import { TunnelEnd } from './tunnel-end.js';
import type { Tunnel } from './tunnel.js';
import type { Step } from '../events.js';
import type { SshTarget } from '../inventory/inventory.js';

export interface FleetAccess {
  readonly fleet: FleetPlan;
  /** The tunnels that the run is about. */
  readonly tunnels: readonly TunnelPlan[];
  /** Those that it has proven so far, in that order: it grows. */
  readonly proven: Set<TunnelPlan>;
  /** Which spoke is on which host (identityOf), as far as one was found fit: it grows. */
  readonly spokes: Map<string, string>;
  /** The files as they shall be, rendered before anybody is contacted. */
  readonly files: FleetFiles;
  readonly transport: Transport;
  /** The window is the hub's. */
  readonly session: HostSessionOptions;
}

/**
 * Seconds of the spoke's window. When the hub's, which begins later, is over, the spoke must have decided and be done with going back
 * (docs/protocol.md).
 */
const spokeWindow = (hubWindow: number): number => Math.floor(hubWindow / 2);

/** The hosts of a tunnel's two ends. */
export type Hosts = Readonly<Record<End, Host>>;

export const connectHub = async (access: FleetAccess): Promise<Host> =>
  await Host.connect(
    hostAccess(
      access,
      'hub',
      access.fleet.hub.ssh,
      access.tunnels.flatMap((plan) => wayQuestions(plan, 'hub')),
    ),
  );

/** Tells when it begins to connect and to inspect. Nobody logs in to a spoke for a hub that is lost for good. */
export async function connectSpoke(
  access: FleetAccess,
  hub: Host,
  plan: TunnelPlan,
  onStep: (step: Step) => void,
): Promise<Host> {
  await hub.session();
  onStep('connect');
  return await Host.connect(hostAccess(access, plan.spoke, plan.ssh, wayQuestions(plan, 'spoke')), () =>
    onStep('inspect'),
  );
}

function hostAccess(
  { transport, session, fleet }: FleetAccess,
  host: string,
  target: SshTarget,
  ways: readonly WayQuestion[],
): HostAccess {
  const { windowSeconds } = session;
  const options = { ...session, windowSeconds: host === 'hub' ? windowSeconds : spokeWindow(windowSeconds) };
  return {
    open: async () => await HostSession.open(transport, host, target, options),
    inspection: { ways, network: fleetQueries(fleet.prefix) },
  };
}

/** What the two ends shall have, and how that is proven. */
export interface DesiredEnds {
  readonly hub: string | null;
  readonly spoke: string | null;
  readonly custom: Tunnel['custom'];
  readonly proof: Tunnel['proof'];
}

/** As the inventory says, in the words of each host's ifupdown. Throws inventory. */
export function plannedEnds(access: FleetAccess, plan: TunnelPlan, hosts: Hosts): DesiredEnds {
  const fileOf = (end: End): EndFile => {
    const { facts } = hosts[end];
    // A device that is not there is refused by name.
    const { device } = end === 'hub' ? plan.hubUnderlay : plan.spokeUnderlay;
    const mtu = resolveMtu(plan, facts.devices.get(device)?.mtu ?? 1500);
    return access.files.of(plan, end, { ifupdown: ifupdownOf(facts) ?? 'ifupdown', mtu });
  };
  const [hub, spoke] = [fileOf('hub'), fileOf('spoke')];
  return {
    hub: hub.text,
    spoke: spoke.text,
    custom: { hub: hub.isCustom, spoke: spoke.isCustom },
    proof: 'planned',
  };
}

/** @param facts what the hosts are taken to have, by default what they had when they were last looked at */
export function joinTunnel(
  { fleet, proven, session }: FleetAccess,
  plan: TunnelPlan,
  hosts: Hosts,
  desired: DesiredEnds,
  facts: Readonly<Record<End, HostFacts>> = { hub: hosts.hub.facts, spoke: hosts.spoke.facts },
): Tunnel {
  const change = makeChangeId(session.identity.run);
  const end = (name: End): TunnelEnd =>
    new TunnelEnd(plan, name, { host: hosts[name], facts: facts[name] }, desired[name], change);
  return {
    fleet,
    plan,
    proven,
    change,
    hub: end('hub'),
    spoke: end('spoke'),
    custom: desired.custom,
    proof: desired.proof,
  };
}
