/** Expectation × kernel → findings, in the order in which a person would look (field-notes 3.3). Pure. */
import type { Layer } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';
import { compareFilter } from './filter-state.js';
import type { ExpectedEnd, ExpectedRoute, ExpectedRule } from './expect-end.js';
import type { KernelLink, KernelNetwork, KernelRoute, KernelRule } from './kernel-state.js';

/** One way in which the kernel is not what the plan says: a sentence for people, and the layer it is about. */
export interface Finding {
  readonly layer: Layer;
  readonly message: string;
}

export interface ObservedEnd {
  readonly link: KernelLink | undefined;
  readonly network: KernelNetwork;
}

/**
 * @param strict false when the user's own template rendered the end: it may add addresses, but ours must be there.
 * Foreign routes through the tunnel are never a finding: routing daemons put theirs there.
 */
export function compareEnd(expected: ExpectedEnd, observed: ObservedEnd, strict: boolean): Finding[] {
  const { link, network } = observed;
  const { absentDevice } = expected;
  const absent: Finding[] =
    absentDevice === undefined ? [] : [{ layer: 'underlay', message: `there is no device ${absentDevice}` }];
  if (link === undefined) return [...absent, { layer: 'link', message: `${expected.interface} does not exist` }];
  return [
    ...absent,
    ...(link.up ? [] : [{ layer: 'link' as const, message: `${expected.interface} is down` }]),
    ...compareParameters(expected, link),
    ...compareAddresses(expected, link, strict),
    ...expected.routes
      .filter((route) => !hasRoute(network, route))
      .map((route) => missing('routes', describeRoute(route))),
    ...compareRules(expected, network.rules),
    ...(expected.filter === undefined
      ? []
      : compareFilter(expected.interface, expected.filter, network.filter).map((message) => ({
          layer: 'filter' as const,
          message,
        }))),
  ];
}

function compareParameters(expected: ExpectedEnd, link: KernelLink): Finding[] {
  type Value = string | number | boolean | undefined;
  const ports = (range: readonly number[]): string => range.join(' ');
  const pairs: readonly (readonly [string, Value, Value])[] = [
    ['vni', expected.link.vni, link.vni],
    ['dstport', expected.link.dstport, link.dstport],
    ['local', expected.link.local, link.local],
    ['remote', expected.link.remote, link.remote],
    ['srcport', ports(expected.link.srcport), ports(link.srcport)],
    ['dev', expected.link.device, link.device],
    ['mtu', expected.link.mtu, link.mtu],
    ['address', expected.link.mac, link.mac],
    ['learning', false, link.learning],
    ['ttl', 64, link.ttl],
  ];
  return pairs
    .filter(([, want, have]) => want !== have)
    .map(([name, want, have]) => ({
      layer: 'params',
      message: `${expected.interface} has ${name} ${String(have ?? 'unset')}, planned is ${String(want ?? 'unset')}`,
    }));
}

function compareAddresses(expected: ExpectedEnd, link: KernelLink, strict: boolean): Finding[] {
  const have = new Map(link.addresses.map((entry) => [`${entry.address}/${entry.length}`, entry]));
  const findings: Finding[] = [];
  for (const address of expected.addresses) {
    const entry = have.get(address);
    if (entry === undefined) findings.push(missing('addresses', `address ${address}`));
    else if (entry.tentative) findings.push({ layer: 'addresses', message: `address ${address} is tentative` });
    have.delete(address);
  }
  if (!strict) return findings;
  for (const address of have.keys()) {
    findings.push({ layer: 'addresses', message: `address ${address} is not planned` });
  }
  return findings;
}

function hasRoute(network: KernelNetwork, route: ExpectedRoute): boolean {
  return network.routes.some((have: KernelRoute) => {
    if (have.destination !== route.destination || have.table !== route.table) return false;
    if (route.metric !== undefined && have.metric !== route.metric) return false;
    if (route.device === undefined) return have.unreachable;
    return !have.unreachable && have.device === route.device && have.gateway === route.gateway;
  });
}

function compareRules(expected: ExpectedEnd, rules: readonly KernelRule[]): Finding[] {
  const have = rules
    .filter((rule) => expected.priorities.includes(rule.priority) && isRuleFrom(expected.prefixes, rule))
    .map(describeRule);
  const want = expected.rules.map(describeRule);
  return [
    ...want.filter((rule) => !have.includes(rule)).map((rule) => missing('policy', `rule ${rule}`)),
    ...have
      .filter((rule, index) => !want.includes(rule) || have.indexOf(rule) !== index)
      .map((rule) => ({ layer: 'policy' as const, message: `rule ${rule} is not planned` })),
  ];
}

/** Could a rule be this tunnel's? Somebody else's at the same priority is none of our business here. */
export const isRuleOf = (tunnel: TunnelPlan, rule: KernelRule): boolean =>
  isRuleFrom([tunnel.prefix80, tunnel.prefix64, tunnel.prefix48], rule);

const isRuleFrom = (prefixes: readonly string[], rule: KernelRule): boolean =>
  !rule.hasMore && prefixes.includes(rule.from);

function describeRule(rule: ExpectedRule | KernelRule): string {
  const suppress = rule.suppressPrefixLength === undefined ? '' : ` suppress_prefixlength ${rule.suppressPrefixLength}`;
  return `pref ${rule.priority} from ${rule.from} lookup ${rule.table}${suppress}`;
}

function describeRoute(route: ExpectedRoute): string {
  const table = route.table === '254' ? '' : ` table ${route.table}`;
  if (route.device === undefined)
    return `route unreachable ${route.destination} metric ${route.metric ?? 'any'}${table}`;
  const via = route.gateway === undefined ? '' : ` via ${route.gateway}`;
  const metric = route.metric === undefined ? '' : ` metric ${route.metric}`;
  return `route ${route.destination}${via} dev ${route.device}${table}${metric}`;
}

const missing = (layer: Layer, what: string): Finding => ({ layer, message: `${what} is missing` });
