/** The packet filter of a tunnel's end: what to ask for, what the kernel has of it, and how that differs from what is planned. Pure. */
import { FILTER_PARTS, filterNames, planFilter, type Filter } from '../plan/filter.js';
import type { End, KeptPlan } from '../plan/plan.js';
import { asList, asText, type Json } from './ip-json.js';

/** Chains with their rules, and sets with those elements that were asked for, as `nft list` prints them. */
export interface KernelFilter {
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly sets: ReadonlyMap<string, readonly string[]>;
  /** Why nft has not answered, in its words; empty when it has. */
  readonly fault: string;
}

/** All of the host's filter, in one question (kernel.pl). */
export const FILTER_QUESTION = 'filter *';

/** What of the host's filter is about one end. */
export function filterQuestion(tunnel: KeptPlan, end: End): string {
  const { spokeUnderlay, hubUnderlay, interface: link } = tunnel;
  const address = end === 'hub' ? spokeUnderlay.address : hubUnderlay.address;
  const chains = FILTER_PARTS.flatMap((name) => planFilter(tunnel, end)[name].chains.map((chain) => chain.name));
  const { vnis, closed } = filterNames(tunnel, end);
  return ['filter', ...new Set([link, ...chains, vnis, closed, address, 'own'])].join(' ');
}

/** Reads the answer's one document; undefined when this entry is none. */
export function parseFilter(entry: Json): KernelFilter | undefined {
  if (!('filter' in entry)) return undefined;
  const chains = new Map<string, readonly string[]>();
  const sets = new Map<string, readonly string[]>();
  for (const list of asList(entry['filter'])) {
    const [kind, name = '', ...lines] = asList(list).map((item) => asText(item) ?? '');
    if (kind === 'chain') chains.set(name, lines.map(canonicalRule));
    else sets.set(name, [...(sets.get(name) ?? []), ...lines.map(canonicalElement)]);
  }
  return { chains, sets, fault: asText(entry['fault']) ?? '' };
}

/** nft 0.9.8 names what `ip saddr` implies. */
const canonicalRule = (line: string): string => line.replace(/^meta nfproto ipv4 (?=ip )/, '');

/** nft 1.0 prints what it knows as bits of a header in hex. */
const canonicalElement = (text: string): string => text.replace(/^0x[0-9a-f]+$/, (hex) => String(Number(hex)));

/** What is missing of the filter, or more than is planned, one sentence each. @param kernel undefined: it was not asked for */
export function compareFilter(tunnel: string, filter: Filter, kernel: KernelFilter | undefined): string[] {
  const parts = FILTER_PARTS.map((name) => filter[name]);
  const chains = parts.flatMap((part) => part.chains);
  if (kernel !== undefined && kernel.fault !== '') return [`the filter of ${tunnel} cannot be read: ${kernel.fault}`];
  if (chains.every(({ name }) => kernel?.chains.has(name) !== true)) return [`the filter of ${tunnel} is missing`];
  const differing = chains.flatMap(({ name, hook, rules }) => {
    const planned = [...(hook === undefined ? [] : [hook]), ...rules];
    const has = kernel?.chains.get(name);
    if (has === undefined) return [`the filter's chain ${name} is missing`];
    return has.join('\n') === planned.join('\n') ? [] : [`the filter's chain ${name} is not as planned`];
  });
  const missing = parts
    .flatMap((part) => part.sets)
    .flatMap(({ name, elements }) =>
      elements
        .filter((element) => kernel?.sets.get(name)?.includes(element) !== true)
        .map((element) => `the filter's ${name} has no ${element}`),
    );
  return [...differing, ...missing];
}

/** What is left of the filter of a tunnel that was taken away: its own chains, and the elements that name it. */
export const filterRemains = (link: string, kernel: KernelFilter | undefined): string[] => ownParts(link, kernel);

/** What is the tunnel's alone, as text that can be compared: the rest may come and go with other tunnels. */
export const ownFilter = (link: string, kernel: KernelFilter | undefined): string => ownParts(link, kernel).join('\n');

function ownParts(link: string, kernel: KernelFilter | undefined): string[] {
  const isOwn = (word: string): boolean => [link, `${link}_out`, `${link}_uses`].includes(word);
  const chains = [...(kernel?.chains ?? [])].filter(([name]) => isOwn(name));
  const elements = [...(kernel?.sets ?? [])].flatMap(([name, list]) =>
    list.filter((element) => element.split(/[\s":]+/).some(isOwn)).map((element) => `${name} { ${element} }`),
  );
  return [...chains.map(([name, rules]) => `chain ${name} { ${rules.join('; ')} }`), ...elements].toSorted();
}
