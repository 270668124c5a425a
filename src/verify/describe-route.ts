/** Routes and rules in the words of `ip -6`, and what of a rule `ip -j` says beyond what we compare. Pure. */
import type { KernelRoute, KernelRule } from './kernel-state.js';
import { asJson, asNumber, asText, type Json } from './ip-json.js';

const MAIN = '254';

export function describeKernelRoute({ destination, unreachable, gateway, device, table, metric }: KernelRoute): string {
  const words = [
    unreachable ? `unreachable ${destination}` : destination,
    gateway === undefined ? '' : `via ${gateway}`,
    device === undefined || unreachable ? '' : `dev ${device}`,
    table === MAIN ? '' : `table ${table}`,
    `metric ${metric}`,
  ];
  return words.filter((word) => word !== '').join(' ');
}

/** As `ip -6 rule show` begins a line. */
export function describeKernelRule(rule: KernelRule): string {
  const { isInverted, destination, action, goto, isSpecial } = selectorsOf(rule);
  const json = jsonOf(rule);
  const words = [
    `${rule.priority}:`,
    isInverted ? 'not' : '',
    `from ${rule.from}`,
    destination === undefined ? '' : `to ${destination}`,
    ...(isSpecial ? SPECIAL.filter((key) => key in json).map((key) => `${key} ${String(json[key])}`) : []),
    goto === undefined ? (ACTIONS.get(action ?? '') ?? action ?? `lookup ${tableName(rule.table)}`) : `goto ${goto}`,
    rule.suppressPrefixLength === undefined ? '' : `suppress_prefixlength ${rule.suppressPrefixLength}`,
  ];
  return words.filter((word) => word !== '').join(' ');
}

const tableName = (table: string): string => (table === MAIN ? 'main' : table);

/** rtnetlink(7) rule actions as `ip -N` prints them. */
const ACTIONS = new Map([
  ['6', 'blackhole'],
  ['7', 'unreachable'],
  ['8', 'prohibit'],
]);

/** What a plain packet of root's does not have. */
const SPECIAL = [
  'fwmark',
  'iif',
  'oif',
  'tos',
  'l3mdev',
  'uid_start',
  'ipproto',
  'sport',
  'sport_start',
  'dport',
  'dport_start',
  'tun_id',
];

export interface RuleSelectors {
  readonly destination: string | undefined;
  readonly isInverted: boolean;
  /** It takes something else to meet it, as a mark or a device. */
  readonly isSpecial: boolean;
  /** Neither a lookup nor a jump: what becomes of the packet. */
  readonly action: string | undefined;
  /** The priority to go on at. */
  readonly goto: number | undefined;
}

export function selectorsOf(rule: KernelRule): RuleSelectors {
  const json = jsonOf(rule);
  const destination = asText(json['dst']);
  return {
    destination: destination === undefined ? undefined : `${destination}/${asNumber(json['dstlen']) ?? 128}`,
    isInverted: 'not' in json,
    isSpecial: SPECIAL.some((key) => key in json && json[key] !== OF_A_PING.get(key)),
    action: asText(json['action']),
    goto: asNumber(json['goto']),
  };
}

/** What a ping of root's has of it. */
const OF_A_PING = new Map<string, unknown>([
  ['iif', 'lo'],
  ['uid_start', 0],
  ['ipproto', 'ipproto-58'],
]);

/** A rule that we expect has no text, and nothing beyond what is compared. */
const jsonOf = (rule: KernelRule): Json => (rule.text === '' ? {} : asJson(JSON.parse(rule.text)));
