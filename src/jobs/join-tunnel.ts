/** From a plan and two connected hosts to a tunnel whose ends can be worked on. */
import { makeChangeId } from '../history/change-id.js';
import type { Host } from '../host/host.js';
import { ifupdownOf, type HostFacts } from '../host/host-facts.js';
import type { End, KeptPlan, TunnelPlan } from '../plan/plan.js';
import { resolveMtu } from '../verify/expect-end.js';
import type { Pair, Tunnel } from '../change/tunnel.js';
import { TunnelEnd, type EndTarget } from '../change/tunnel-end.js';
import type { Run } from './run.js';

/** The hosts of a tunnel's two ends. */
export type Hosts = Readonly<Record<End, Host>>;

/** What the two ends shall have, and how that is proven. */
export interface PairTarget {
  readonly hub: EndTarget;
  readonly spoke: EndTarget;
  readonly expects: Pair['expects'];
  /** As in Tunnel. */
  readonly made?: KeptPlan | undefined;
}

/** As the inventory says, in the words of each host's ifupdown. Throws inventory. */
export function plannedTarget({ files }: Run, plan: TunnelPlan, hosts: Hosts): PairTarget {
  const fileOf = (end: End): EndTarget => {
    const { facts } = hosts[end];
    // A device that is not there is refused by name.
    const { device } = end === 'hub' ? plan.hubUnderlay : plan.spokeUnderlay;
    const mtu = resolveMtu(plan, facts.devices.get(device)?.mtu ?? 1500);
    return files.of(plan, end, { ifupdown: ifupdownOf(facts) ?? 'ifupdown', mtu });
  };
  return { hub: fileOf('hub'), spoke: fileOf('spoke'), expects: 'plan' };
}

export const NOTHING: EndTarget = { text: null, isCustom: false };

/** @param facts what the hosts are taken to have, by default what they had when they were last looked at */
export function joinTunnel(
  { fleet, proven, session }: Run,
  plan: TunnelPlan,
  hosts: Hosts,
  { hub, spoke, expects, made }: PairTarget,
  facts: Readonly<Record<End, HostFacts>> = { hub: hosts.hub.facts, spoke: hosts.spoke.facts },
): Pair {
  const change = makeChangeId(session.identity.run);
  const end = (name: End, target: EndTarget): TunnelEnd =>
    new TunnelEnd(plan, name, hosts[name], target, change, facts[name]);
  return { fleet, plan, proven, change, made, hub: end('hub', hub), spoke: end('spoke', spoke), expects };
}

/** The one end that is left of a tunnel that is to be taken away. @param made as in Tunnel */
export function remnantOf(
  { fleet, proven, session }: Run,
  plan: TunnelPlan,
  end: End,
  host: Host,
  made: KeptPlan,
): Tunnel {
  const change = makeChangeId(session.identity.run);
  const left = { hub: undefined, spoke: undefined, [end]: new TunnelEnd(plan, end, host, NOTHING, change) };
  return { fleet, plan, proven, change, made, ...left, expects: 'nothing' };
}
