/** From a plan to a tunnel whose two ends can be worked on: connect, inspect, render. */
import pLimit, { type LimitFunction } from 'p-limit';
import { VxfleetError } from '../errors.js';
import { makeChangeId } from '../history/change-id.js';
import { HostSession, type HostSessionOptions } from '../host/host-session.js';
import { ifupdownOf, inspectionPayload, parseFacts } from '../host/host-facts.js';
import type { End, FleetPlan, TunnelPlan } from '../plan/plan.js';
import type { EndFile, FleetFiles } from '../render/render-fleet.js';
import type { Transport } from '../ssh/transport.js';
import { resolveMtu } from '../verify/expect-end.js';
import { fleetQueries } from '../verify/queries.js';
import { wayQuestions, type WayQuestion } from '../verify/underlay-ways.js';
import { TunnelEnd } from './tunnel-end.js';
import type { InspectedHost } from './inspected-host.js';
import type { Tunnel } from './tunnel.js';
import type { Step } from '../events.js';
import type { SshTarget } from '../inventory/inventory.js';

const INSPECT_TIMEOUT_MS = 60_000;

export interface FleetAccess {
  readonly fleet: FleetPlan;
  /** The tunnels that the run is about. */
  readonly tunnels: readonly TunnelPlan[];
  /** Those that it has proven so far, in that order: it grows. */
  readonly proven: Set<TunnelPlan>;
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

/** Connects to a host and inspects it. Rejects with connect, host-key, auth, lost, timeout, protocol or host. */
async function inspectHost(
  access: FleetAccess,
  host: string,
  target: SshTarget,
  ways: readonly WayQuestion[],
  onConnected: () => void = () => undefined,
): Promise<InspectedHost> {
  const { windowSeconds } = access.session;
  const options = { ...access.session, windowSeconds: host === 'hub' ? windowSeconds : spokeWindow(windowSeconds) };
  const reconnect = async (): Promise<HostSession> => await HostSession.open(access.transport, host, target, options);
  const session = await reconnect();
  onConnected();
  let bounces: LimitFunction | undefined;
  const spokes = new Map<string, string>();
  const inspect = async (): Promise<InspectedHost> => {
    const inspection = { ways, network: fleetQueries(access.fleet.prefix) };
    const payload = inspectionPayload(inspection);
    const reply = await session.call({ verb: 'inspect', args: [], payload, timeoutMs: INSPECT_TIMEOUT_MS });
    if (!reply.ok) throw new VxfleetError('host', `inspect failed on ${host}: ${reply.text}`, { host });
    const facts = parseFacts(reply, inspection);
    // ifupdown2 has one lock for the whole host.
    bounces ??= pLimit(ifupdownOf(facts) === 'ifupdown2' ? 1 : facts.cpus);
    return { session, spokes, facts, bounces, reconnect, reinspect: inspect };
  };
  try {
    return await inspect();
  } catch (error) {
    await session.close();
    throw error;
  }
}

export const inspectHub = async (access: FleetAccess): Promise<InspectedHost> =>
  await inspectHost(
    access,
    'hub',
    access.fleet.hub.ssh,
    access.tunnels.flatMap((plan) => wayQuestions(plan, 'hub')),
  );

/** Tells when it begins to connect and to inspect. */
export async function inspectSpoke(
  access: FleetAccess,
  plan: TunnelPlan,
  onStep: (step: Step) => void,
): Promise<InspectedHost> {
  onStep('connect');
  return await inspectHost(access, plan.spoke, plan.ssh, wayQuestions(plan, 'spoke'), () => onStep('inspect'));
}

/** What the two ends shall have, and how that is proven. */
export interface DesiredEnds {
  readonly hub: string | null;
  readonly spoke: string | null;
  readonly custom: Tunnel['custom'];
  readonly proof: Tunnel['proof'];
}

/** As the inventory says, in the words of each host's ifupdown. Throws inventory. */
export function plannedEnds(
  access: FleetAccess,
  plan: TunnelPlan,
  hosts: Readonly<Record<End, Pick<InspectedHost, 'facts'>>>,
): DesiredEnds {
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

export function joinTunnel(
  { fleet, proven, session }: FleetAccess,
  plan: TunnelPlan,
  hosts: Readonly<Record<End, InspectedHost>>,
  desired: DesiredEnds,
): Tunnel {
  const change = makeChangeId(session.identity.run);
  return {
    fleet,
    plan,
    proven,
    change,
    hub: new TunnelEnd(plan, 'hub', hosts.hub, desired.hub, change),
    spoke: new TunnelEnd(plan, 'spoke', hosts.spoke, desired.spoke, change),
    custom: desired.custom,
    proof: desired.proof,
  };
}
