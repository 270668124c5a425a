/** What the kernel must have of a tunnel's end once its stanza is up. The templates write it; this says it as data. */
import { planFilter, type Filter } from '../plan/filter.js';
import { GUARD_METRIC } from '../plan/make-plan.js';
import type { End, TunnelPlan } from '../plan/plan.js';

export interface ExpectedLink {
  readonly vni: number;
  readonly dstport: number;
  readonly local: string;
  readonly remote: string;
  /** undefined: bound to none (`underlay.hotplug`). */
  readonly device: string | undefined;
  /** UDP source ports as the kernel has them: the end is not included. */
  readonly srcport: readonly [low: number, end: number];
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
}

export interface ExpectedRoute {
  readonly destination: string;
  readonly gateway: string | undefined;
  /** undefined: an unreachable route, which belongs to no device. */
  readonly device: string | undefined;
  readonly table: string;
  readonly metric: number | undefined;
}

export interface ExpectedRule {
  readonly priority: number;
  readonly from: string;
  readonly table: string;
  readonly suppressPrefixLength: number | undefined;
}

export interface ExpectedEnd {
  readonly end: End;
  readonly interface: string;
  /** The underlay device, when the host has none of that name. */
  readonly absentDevice?: string | undefined;
  readonly link: ExpectedLink;
  /** `address/length`. */
  readonly addresses: readonly string[];
  readonly routes: readonly ExpectedRoute[];
  readonly rules: readonly ExpectedRule[];
  /** The rule priorities that belong to this tunnel alone. */
  readonly priorities: readonly number[];
  /** The tunnel's own prefixes. */
  readonly prefixes: readonly string[];
  /** undefined: the inventory wants none. */
  readonly filter: Filter | undefined;
}

/** VXLAN over IPv4 adds 50 bytes: Ethernet 14, VXLAN 8, UDP 8, IPv4 20 (RFC 7348). */
export const VXLAN_OVERHEAD = 50;

const MAIN = '254';

/** The MTU both ends must have: the plan's, or what is left of the underlay device's. */
export const resolveMtu = (tunnel: TunnelPlan, deviceMtu: number): number => tunnel.mtu ?? deviceMtu - VXLAN_OVERHEAD;

/** @param deviceMtu MTU of the underlay device of this end, in bytes. */
export function expectEnd(tunnel: TunnelPlan, end: End, deviceMtu: number): ExpectedEnd {
  const near = end === 'hub' ? tunnel.hubUnderlay : tunnel.spokeUnderlay;
  const far = end === 'hub' ? tunnel.spokeUnderlay : tunnel.hubUnderlay;
  return {
    end,
    interface: tunnel.interface,
    link: {
      vni: tunnel.vni,
      dstport: tunnel.dstport,
      local: near.local,
      remote: far.address,
      device: near.hotplug ? undefined : near.device,
      srcport: [tunnel.srcport.low, tunnel.srcport.high + 1],
      mac: end === 'hub' ? tunnel.hubMac : tunnel.spokeMac,
      mtu: resolveMtu(tunnel, deviceMtu),
    },
    addresses: end === 'hub' ? [`${tunnel.hubAddress}/80`] : spokeAddresses(tunnel),
    routes: end === 'hub' ? hubRoutes(tunnel) : spokeRoutes(tunnel),
    rules: end === 'spoke' && tunnel.mode === 'policy' ? policyRules(tunnel) : [],
    priorities: end === 'spoke' ? [tunnel.priority, tunnel.priority + 1] : [],
    prefixes: [tunnel.prefix80, tunnel.prefix64, tunnel.prefix48],
    filter: tunnel.filter ? planFilter(tunnel, end) : undefined,
  };
}

const spokeAddresses = (tunnel: TunnelPlan): string[] => [
  `${tunnel.spokeAddress80}/80`,
  `${tunnel.spokeAddress64}/64`,
  `${tunnel.spokeAddress48}/48`,
];

/** Only the other end is on the link. `ip` shows the route to a single address without its length. */
const peerRoute = (tunnel: TunnelPlan, destination: string): ExpectedRoute => ({
  destination,
  gateway: undefined,
  device: tunnel.interface,
  table: MAIN,
  metric: undefined,
});

function hubRoutes(tunnel: TunnelPlan): ExpectedRoute[] {
  const via = { gateway: tunnel.spokeAddress80, device: tunnel.interface, table: MAIN, metric: undefined };
  return [
    peerRoute(tunnel, tunnel.spokeAddress80),
    { destination: tunnel.prefix64, ...via },
    { destination: tunnel.prefix48, ...via },
    // The copy of the aggregate's guard that belongs to this tunnel (field-notes 2.9, templates/hub.liquid).
    { destination: tunnel.prefix, gateway: undefined, device: undefined, table: MAIN, metric: tunnel.aggregateMetric },
  ];
}

function spokeRoutes(tunnel: TunnelPlan): ExpectedRoute[] {
  const own = [
    peerRoute(tunnel, tunnel.hubAddress),
    ...[tunnel.prefix64, tunnel.prefix48].map((destination) => ({
      destination,
      gateway: undefined,
      device: undefined,
      table: MAIN,
      metric: GUARD_METRIC,
    })),
  ];
  const byTunnel = { destination: 'default', gateway: tunnel.hubAddress, device: tunnel.interface };
  if (tunnel.mode === 'gateway') return [...own, { ...byTunnel, table: MAIN, metric: tunnel.metric }];
  const table = String(tunnel.table);
  return [
    ...own,
    { ...byTunnel, table, metric: undefined },
    { destination: 'default', gateway: undefined, device: undefined, table, metric: GUARD_METRIC },
  ];
}

function policyRules(tunnel: TunnelPlan): ExpectedRule[] {
  return [tunnel.prefix80, tunnel.prefix64, tunnel.prefix48].flatMap((from) => [
    { priority: tunnel.priority, from, table: MAIN, suppressPrefixLength: 0 },
    { priority: tunnel.priority + 1, from, table: String(tunnel.table), suppressPrefixLength: undefined },
  ]);
}
