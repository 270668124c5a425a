/** Which route a packet of the host's own takes, as the kernel finds it: rule by rule, the longest prefix of each table, then the lowest metric. Pure. */
import { Address6 } from 'ip-address';
import { selectorsOf } from './describe-route.js';
import type { KernelNetwork, KernelRoute, KernelRule } from './kernel-state.js';

export interface Walk {
  /** The rule that decided; undefined when none did. */
  readonly rule: KernelRule | undefined;
  /** The route it led to; undefined when there is none, or the rule itself says no. */
  readonly route: KernelRoute | undefined;
}

/**
 * Of a packet without a mark, of root, bound to its source only. Rules that ask for anything else do not meet it.
 * @param network the rules in the order of their priorities; only those of its routes count that are there
 */
export function walkRules(network: KernelNetwork, source: string, target: string): Walk {
  const from = rangeOf(source).high;
  const to = rangeOf(target).high;
  let skipTo = 0;
  for (const rule of network.rules) {
    if (rule.priority < skipTo || !meets(rule, from, to)) continue;
    const { action, goto } = selectorsOf(rule);
    if (goto !== undefined) skipTo = goto;
    else if (action !== undefined) return { rule, route: undefined };
    else {
      const route = bestRoute(network.routes, rule, to);
      if (route !== undefined) return { rule, route };
    }
  }
  return { rule: undefined, route: undefined };
}

function meets(rule: KernelRule, from: bigint, to: bigint): boolean {
  const { destination, isInverted, isSpecial } = selectorsOf(rule);
  if (isSpecial) return false;
  return (covers(rule.from, from) && covers(destination ?? 'all', to)) !== isInverted;
}

function bestRoute(routes: readonly KernelRoute[], rule: KernelRule, to: bigint): KernelRoute | undefined {
  const least = (rule.suppressPrefixLength ?? -1) + 1;
  const [best] = routes
    .filter((route) => route.table === rule.table && covers(route.destination, to))
    .toSorted((a, b) => lengthOf(b.destination) - lengthOf(a.destination) || a.metric - b.metric);
  // What is suppressed is the table's answer, not one of its routes.
  return best !== undefined && lengthOf(best.destination) >= least ? best : undefined;
}

interface Range {
  /** The first `length` bits of its addresses. */
  readonly high: bigint;
  /** How many bits follow. */
  readonly rest: bigint;
  readonly length: number;
}

/** The same few texts are asked about again and again. */
const ranges = new Map<string, Range>();

function rangeOf(prefix: string): Range {
  const known = ranges.get(prefix);
  if (known !== undefined) return known;
  const isAll = prefix === 'all' || prefix === 'default';
  const [address = '', length = '128'] = isAll ? ['::', '0'] : prefix.split('/');
  const rest = BigInt(128 - Number(length));
  const range = { high: new Address6(address).bigInt() >> rest, rest, length: Number(length) };
  if (ranges.size > 100_000) ranges.clear();
  ranges.set(prefix, range);
  return range;
}

const lengthOf = (prefix: string): number => rangeOf(prefix).length;

function covers(prefix: string, address: bigint): boolean {
  const { high, rest } = rangeOf(prefix);
  return address >> rest === high;
}
