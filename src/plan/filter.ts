/**
 * The packet filter of a tunnel's end, as data: what its part of the table `inet vxfleet` is. The stanza makes and unmakes it with the link
 * (filter-commands.ts), and the kernel is compared with it (docs/filter.md). Pure.
 */
import { Address6 } from 'ip-address';
import type { End, KeptPlan } from './plan.js';

/** A set or a map, and what this end has in it. */
export interface FilterSet {
  readonly name: string;
  readonly kind: 'set' | 'map';
  /** nft's words for what its elements are. */
  readonly type: string;
  readonly elements: readonly string[];
}

export interface FilterChain {
  readonly name: string;
  /** Where the kernel calls it; undefined for one that only rules go to. */
  readonly hook?: string | undefined;
  /** As `nft list` prints them. */
  readonly rules: readonly string[];
}

/** What goes together, in one transaction. */
export interface FilterPart {
  readonly sets: readonly FilterSet[];
  readonly chains: readonly FilterChain[];
  readonly counters: readonly string[];
}

export interface Filter {
  /** The tunnel's alone. */
  readonly own: FilterPart;
  /**
   * Shared with other tunnels, each part removed with the last that uses it. The kernel counts the uses: a chain that a rule goes to cannot be
   * deleted, and each tunnel has a chain, never called, that goes to the peer's and to the fleet's.
   */
  readonly peer: FilterPart;
  readonly fleet: FilterPart;
  readonly port: FilterPart;
  readonly prefix: FilterPart;
  readonly table: FilterPart;
}

/** The parts in the order in which one may be removed: none uses one before it. */
export const FILTER_PARTS = ['own', 'peer', 'fleet', 'port', 'prefix', 'table'] as const;

const RAW = 'priority raw; policy accept;';
/** Of neighbours: never forwarded, so that they belong to the link, and `::` to one that is just coming up. */
const LINK_LOCAL = ['ip6 saddr fe80::/10', 'ip6 saddr ::'];

export function planFilter(tunnel: KeptPlan, end: End): Filter {
  const { interface: link, dstport } = tunnel;
  const isHub = end === 'hub';
  const names = filterNames(tunnel, end);
  const { address } = isHub ? tunnel.spokeUnderlay : tunnel.hubUnderlay;
  const { low, high } = tunnel.srcport;
  // Where both ends send from the port that they send to, a stateful firewall of the host lets in answers to what it has tracked.
  const untracked = low !== dstport || high !== dstport;
  const prefixes = [tunnel.spokeAddress80, tunnel.prefix64, tunnel.prefix48];
  const fromSite = prefixes.map((prefix) => `ip6 saddr ${prefix}`);
  const onlyFromSite = [...fromSite, ...LINK_LOCAL].map((match) => `${match} accept`);
  const drop = (counter: string): string => `counter name "${counter}" drop`;
  const quoted = `"${link}"`;
  return {
    own: {
      sets: [
        { name: names.vnis, ...VNIS, elements: [String(tunnel.vni)] },
        { name: names.closed, ...VNIS, elements: [String(tunnel.vni)] },
        { ...ARRIVING, elements: [`${quoted} : goto ${link}`] },
        { ...LINKS, elements: [quoted] },
        ...(isHub && tunnel.isolate ? [{ ...ISOLATED, elements: [quoted] }] : []),
        ...(isHub
          ? []
          : [
              { ...LEAVING, elements: [`${quoted} : goto ${link}_out`] },
              { ...OWN, elements: prefixes },
            ]),
      ],
      chains: [
        {
          name: link,
          rules: isHub
            ? [...onlyFromSite, drop(`${link}_in`)]
            : [...fromSite.map((match) => `${match} ${drop(`${link}_in`)}`), `meta nfproto ipv4 ${drop(`${link}_in`)}`],
        },
        ...(isHub ? [] : [{ name: `${link}_out`, rules: [...onlyFromSite, drop(`${link}_out`)] }]),
        { name: `${link}_uses`, rules: [`goto ${names.peer}`, `goto ${names.fleet}`] },
      ],
      counters: isHub ? [`${link}_in`] : [`${link}_in`, `${link}_out`],
    },
    peer: {
      sets: [
        { ...PEERS, elements: [`${address} . ${dstport} : goto ${names.peer}`] },
        ...(untracked ? [{ ...TARGETS, elements: [`${address} . ${dstport}`] }] : []),
      ],
      chains: [
        {
          name: names.peer,
          rules: [
            `@th,96,24 @${names.vnis} ${untracked ? 'notrack ' : ''}accept`,
            `fib daddr type != unicast ${drop(names.peer)}`,
          ],
        },
      ],
      counters: [names.peer],
    },
    fleet: {
      sets: [],
      chains: [{ name: names.fleet, rules: [`goto ${names.port}`, `goto ${names.foreign}`, 'goto in_use'] }],
      counters: [],
    },
    port: {
      sets: [
        { name: names.closed, ...VNIS, elements: [] },
        { ...PORTS, elements: [`${dstport} : goto ${names.port}`] },
      ],
      // Another VNI is no tunnel's that has a filter: the kernel knows whether it is anybody's. A fragment too short to tell is not let in.
      // Not unicast is what this host itself would take (a VXLAN socket listens on broadcast addresses too), the rest somebody else's on its way.
      chains: [
        {
          name: names.port,
          rules: [`@th,96,24 != @${names.closed} return`, `fib daddr type != unicast ${drop(names.port)}`],
        },
      ],
      counters: [names.port],
    },
    prefix: {
      sets: [],
      chains: [
        {
          name: names.prefix,
          hook: `type filter hook prerouting ${RAW}`,
          rules: [
            // Tunnels that have no filter yet let through what they did.
            `ip6 saddr ${tunnel.prefix} iifname != "lo" iifname != "vxlan*" ip6 saddr != @own goto ${names.foreign}`,
          ],
        },
        {
          name: names.foreign,
          // A router on whose link the prefix lies may ask from an address of it.
          rules: [
            'icmpv6 type nd-neighbor-solicit accept',
            'icmpv6 type nd-neighbor-advert accept',
            drop(names.prefix),
          ],
        },
      ],
      counters: [names.prefix],
    },
    table: TABLE,
  };
}

const VNIS = { kind: 'set', type: 'typeof @th,96,24' } as const;
const PEERS = { name: 'peers', kind: 'map', type: 'type ipv4_addr . inet_service : verdict' } as const;
const PORTS = { name: 'ports', kind: 'map', type: 'type inet_service : verdict' } as const;
const TARGETS = { name: 'targets', kind: 'set', type: 'type ipv4_addr . inet_service' } as const;
const ARRIVING = { name: 'arriving', kind: 'map', type: 'type ifname : verdict' } as const;
const LEAVING = { name: 'leaving', kind: 'map', type: 'type ifname : verdict' } as const;
const LINKS = { name: 'links', kind: 'set', type: 'type ifname' } as const;
const ISOLATED = { name: 'isolated', kind: 'set', type: 'type ifname' } as const;
const OWN = { name: 'own', kind: 'set', type: 'type ipv6_addr; flags interval' } as const;

/** The same for every tunnel of the host. Each packet costs a few look-ups, however many tunnels there are. */
const TABLE: FilterPart = {
  sets: [PEERS, PORTS, TARGETS, ARRIVING, LEAVING, LINKS, ISOLATED, OWN].map((set) => ({ ...set, elements: [] })),
  chains: [
    {
      name: 'incoming',
      hook: `type filter hook prerouting ${RAW}`,
      rules: ['iifname vmap @arriving', 'ip saddr . udp dport vmap @peers', 'meta nfproto ipv4 udp dport vmap @ports'],
    },
    {
      name: 'outgoing',
      hook: `type filter hook output ${RAW}`,
      rules: ['ip daddr . udp dport @targets notrack'],
    },
    {
      name: 'forwarded',
      hook: 'type filter hook forward priority mangle; policy accept;',
      rules: [
        'iifname @isolated oifname "vxlan*" counter name "isolated" drop',
        'iifname "vxlan*" oifname @isolated counter name "isolated" drop',
        'oifname @links tcp flags syn tcp option maxseg size set rt mtu',
      ],
    },
    // After the last hook in which an address can be translated.
    {
      name: 'departing',
      hook: 'type filter hook postrouting priority 300; policy accept;',
      rules: ['oifname vmap @leaving'],
    },
    { name: 'in_use', rules: [] },
  ],
  counters: ['isolated'],
};

/** Names of what a tunnel may share with others, one for each thing that is shared; of its counters as well. */
export function filterNames(
  tunnel: KeptPlan,
  end: End,
): Readonly<Record<'peer' | 'vnis' | 'closed' | 'fleet' | 'port' | 'prefix' | 'foreign', string>> {
  const { address } = end === 'hub' ? tunnel.spokeUnderlay : tunnel.hubUnderlay;
  const peer = `${address}_${tunnel.dstport}`;
  const [, length = ''] = tunnel.prefix.split('/');
  // The groups that a fleet's prefix, /47 at most, can have.
  const prefix = `${new Address6(tunnel.prefix).canonicalForm().replaceAll(':', '').slice(0, 12)}_${length}`;
  return {
    peer: `peer_${peer}`,
    vnis: `vnis_${peer}`,
    closed: `closed_${tunnel.dstport}`,
    fleet: `fleet_${prefix}_${tunnel.dstport}`,
    port: `port_${tunnel.dstport}`,
    prefix: `prefix_${prefix}`,
    foreign: `prefix_${prefix}_foreign`,
  };
}
