/** What the kernel says of a host's tunnels, read from `ip -j` (shapes: field-notes 3.2), reduced to what we compare. */
import { VxfleetError } from '../errors.js';
import { parseFilter, type KernelFilter } from './filter-state.js';
import {
  asAddress,
  asDevice,
  asIpv6,
  asJson,
  asNumber,
  asPrefix,
  asText,
  documents,
  parseArray,
  type Json,
} from './ip-json.js';

/** A VXLAN link as the kernel has it. */
export interface KernelLink {
  readonly name: string;
  readonly ifindex: number;
  readonly up: boolean;
  /** Bytes. */
  readonly mtu: number;
  readonly mac: string;
  readonly vni: number;
  readonly local: string | undefined;
  readonly remote: string | undefined;
  /** The underlay device, undefined when the link is bound to none. */
  readonly device: string | undefined;
  readonly dstport: number;
  /** UDP source ports, the end not included; 0 and 0 stand for the system's own range. */
  readonly srcport: readonly [low: number, end: number];
  readonly learning: boolean;
  readonly ttl: number;
  /** Global-scope IPv6 addresses. */
  readonly addresses: readonly KernelAddress[];
}

export interface KernelAddress {
  readonly address: string;
  readonly length: number;
  /** Not usable yet, or never: duplicate address detection runs or has failed. */
  readonly tentative: boolean;
}

export interface KernelRoute {
  /** `default` or a prefix in RFC 5952 text. */
  readonly destination: string;
  readonly unreachable: boolean;
  readonly gateway: string | undefined;
  readonly device: string | undefined;
  /** Table number as text; `254` is main. */
  readonly table: string;
  readonly metric: number;
}

export interface KernelRule {
  readonly priority: number;
  /** Source prefix, or `all`. */
  readonly from: string;
  readonly table: string;
  readonly suppressPrefixLength: number | undefined;
  /** Has selectors or actions besides these (fwmark, to, iif, …): no rule of ours has. */
  readonly hasMore: boolean;
  /** The whole rule as `ip -j` gave it, for people. */
  readonly text: string;
}

/** Routes and rules of a host, as far as they were asked for. */
export interface KernelNetwork {
  readonly routes: readonly KernelRoute[];
  readonly rules: readonly KernelRule[];
  /** undefined: not asked for. */
  readonly filter?: KernelFilter | undefined;
}

const MAIN_TABLE = '254';
/** As `ip` and `ip -N` print it. */
const GLOBAL_SCOPE: unknown[] = ['global', '0'];
/** rtnetlink(7) route types as `ip -N` prints them. */
const ROUTE_TYPE = { unicast: '1', unreachable: '7' } as const;

/**
 * Parses what `ip -j -d addr show` and `link show` say, one JSON document a line; of a link that both name, the first counts. Other kinds
 * of links, and documents about something else, are left out.
 */
export function parseLinks(text: string): KernelLink[] {
  const links = documents(text)
    .flatMap(parseArray)
    .flatMap((entry) => {
      const info = asJson(asJson(entry['linkinfo'])['info_data']);
      const name = asDevice(entry['ifname']);
      if (asJson(entry['linkinfo'])['info_kind'] !== 'vxlan' || name === undefined) return [];
      const flags = Array.isArray(entry['flags']) ? entry['flags'] : [];
      return [
        {
          name,
          ifindex: asNumber(entry['ifindex']) ?? 0,
          up: flags.includes('UP'),
          mtu: asNumber(entry['mtu']) ?? 0,
          mac: asText(entry['address']) ?? '',
          vni: asNumber(info['id']) ?? 0,
          local: asAddress(info['local']),
          remote: asAddress(info['remote']),
          device: asDevice(info['link']),
          dstport: asNumber(info['port']) ?? 0,
          srcport: [
            asNumber(asJson(info['port_range'])['low']) ?? 0,
            asNumber(asJson(info['port_range'])['high']) ?? 0,
          ] as const,
          learning: info['learning'] === true,
          ttl: asNumber(info['ttl']) ?? 0,
          addresses: parseAddresses(entry['addr_info']),
        },
      ];
    });
  return [...new Map(links.toReversed().map((link) => [link.name, link])).values()].toReversed();
}

function parseAddresses(value: unknown): KernelAddress[] {
  if (!Array.isArray(value)) return [];
  return value.map(asJson).flatMap((entry) => {
    const address = asIpv6(entry['local']);
    if (address === undefined || entry['family'] !== 'inet6' || !GLOBAL_SCOPE.includes(entry['scope'])) return [];
    const tentative = entry['tentative'] === true || entry['dadfailed'] === true;
    return [{ address, length: asNumber(entry['prefixlen']) ?? 0, tentative }];
  });
}

/** One query of a batch, and what `ip` leaves out of its answer because it was asked for. */
export interface NetworkQuery {
  readonly line: string;
  readonly table?: string;
  readonly device?: string;
  readonly metric?: number;
}

/**
 * Parses the answer to `ip -6 -d -N -j -force -batch` with these queries: one JSON document a line, in order; a query that failed
 * leaves none, so only the last ones may fail.
 */
export function parseNetwork(text: string, queries: readonly NetworkQuery[]): KernelNetwork {
  const routes = new Map<string, KernelRoute>();
  const rules: KernelRule[] = [];
  let filter: KernelFilter | undefined;
  for (const [index, document] of documents(text).entries()) {
    for (const entry of parseArray(document)) {
      if (rules.length > MOST_RULES || routes.size > MOST_ROUTES) throw tooMany();
      filter ??= parseFilter(entry);
      if ('priority' in entry) rules.push(parseRule(entry));
      else if (!isWay(entry))
        for (const route of parseRoute(entry, queries[index])) routes.set(JSON.stringify(route), route);
    }
  }
  return { routes: [...routes.values()], rules, filter };
}

/** Each is held against each other now and then: more than these no host of a fleet has. */
const MOST_RULES = 4096;
const MOST_ROUTES = 100_000;

const tooMany = (): VxfleetError =>
  new VxfleetError('protocol', `it has more than ${MOST_ROUTES} routes of the fleet's prefix, or ${MOST_RULES} rules`);

/** The answer to `route get TARGET from SOURCE` is no entry of a table: both are addresses. */
const isWay = (entry: Json): boolean =>
  [entry['dst'], entry['from']].every(
    (value) => asText(value)?.includes(':') === true && !asText(value)?.includes('/'),
  );

/** The device by which the kernel would send each question's packet; undefined where it would not. */
export function parseWays(
  text: string,
  questions: readonly { readonly source: string; readonly target: string }[],
): (string | undefined)[] {
  const ways = documents(text).flatMap(parseArray).filter(isWay);
  return questions.map(({ source, target }) =>
    asText(ways.find((way) => way['from'] === source && way['dst'] === target)?.['dev']),
  );
}

function parseRoute(entry: Json, query: NetworkQuery | undefined): KernelRoute[] {
  const type = asText(entry['type']) ?? ROUTE_TYPE.unicast;
  const destination = asPrefix(entry['dst']);
  // Local, anycast and multicast entries are the kernel's own, made and removed with the addresses.
  if (destination === undefined || (type !== ROUTE_TYPE.unicast && type !== ROUTE_TYPE.unreachable)) return [];
  // A route with several next hops (ECMP) has its gateways and devices in a list.
  const hops = Array.isArray(entry['nexthops']) ? entry['nexthops'].map(asJson) : [entry];
  return hops.map((hop) => {
    return {
      destination,
      unreachable: type === ROUTE_TYPE.unreachable,
      gateway: asIpv6(hop['gateway']),
      device: asDevice(hop['dev']) ?? query?.device,
      table: asTable(entry['table']) ?? query?.table ?? MAIN_TABLE,
      metric: asNumber(entry['metric']) ?? query?.metric ?? 0,
    };
  });
}

/** Tables are numbers with `ip -N`. */
const asTable = (value: unknown): string | undefined => {
  const text = asText(value);
  return text !== undefined && /^\w{1,32}$/.test(text) ? text : undefined;
};

const RULE_KEYS = ['priority', 'src', 'srclen', 'table', 'suppress_prefixlen', 'protocol'];

function parseRule(entry: Json): KernelRule {
  const length = asNumber(entry['srclen']);
  const source = asPrefix(entry['src']) ?? 'all';
  return {
    priority: asNumber(entry['priority']) ?? 0,
    from: source === 'all' ? source : `${source}/${length ?? 128}`,
    table: asTable(entry['table']) ?? MAIN_TABLE,
    suppressPrefixLength: asNumber(entry['suppress_prefixlen']),
    hasMore: Object.keys(entry).some((key) => !RULE_KEYS.includes(key)),
    text: JSON.stringify(entry),
  };
}
