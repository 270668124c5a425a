/** What a stanza runs to make and unmake the filter of its end: nft's commands, in one line of the stanza each. Pure. */
import { FILTER_PARTS, filterNames, planFilter, type Filter, type FilterPart } from './filter.js';
import type { End, TunnelPlan } from './plan.js';

const TABLE = 'inet vxfleet';
const OPEN = `table ${TABLE} {`;

/**
 * One transaction, which may be repeated: what is there stays, chains are written anew. At a hub, which mostly has other tunnels, first without what is
 * shared: when rules are replaced, nft waits until the kernel has let go of the old ones, for each tunnel. Without the fleet's chain, which
 * is there as long as any tunnel uses it, that fails as a whole, and all is made. In the form of nft's files, because nft 1.0 reads all elements of
 * all sets of the host before it obeys an `add element`.
 */
export function filterUp(tunnel: TunnelPlan, end: End): string {
  const filter = planFilter(tunnel, end);
  const own = indented(making([filter.peer, filter.own], false));
  const all = indented(making([filter.table, filter.prefix, filter.port, filter.fleet, filter.peer, filter.own], true));
  if (end === 'spoke') return continued(["exec nft '", ...all, "'"]);
  // The braces take what the shell says of nft 0.9.8 when that crashes over a chain that is missing.
  return continued(["{ nft '", ...own, "'; } 2>/dev/null || exec nft '", ...all, "'"]);
}

/** Lines of nft's commands. @param isNew may the table be made by them? */
function making(parts: readonly FilterPart[], isNew: boolean): string[] {
  const chains = parts.flatMap((part) => part.chains);
  const counters = parts.flatMap((part) => part.counters).map((name) => `counter ${name} { };`);
  const sets = mergeSets(parts).map(
    ({ name, kind, type, elements }) =>
      `${kind} ${name} { ${type};${elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} };`} };`,
  );
  const declared = chains.map(({ name, hook }) => `chain ${name} { ${hook === undefined ? '' : `${hook} `}};`);
  const flushed = chains.map(({ name }) => `flush chain ${TABLE} ${name};`);
  // A block that names a chain again changes it, for which nft waits as for rules that are replaced; nft 0.9.8 crashes over rules without one
  // when the table is new.
  const filled = isNew
    ? [OPEN, ...indented(chains.filter(({ rules }) => rules.length > 0).flatMap(blockOf)), '};']
    : chains.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${TABLE} ${name} ${rule};`));
  return [OPEN, ...indented([...counters, ...declared, ...sets]), '};', ...flushed, ...filled];
}

const blockOf = ({ name, rules }: FilterPart['chains'][number]): string[] =>
  rules.length === 1
    ? [`chain ${name} { ${rules[0]}; };`]
    : [`chain ${name} {`, ...rules.map((rule) => `  ${rule};`), '};'];

/**
 * Removes what is the tunnel's, and what no tunnel uses any more: each kind is a transaction, which the kernel refuses as a whole while something
 * still goes to a chain that it would delete. A spoke mostly has no other tunnel, so that all of it in one is tried first. At a hub the fleet's
 * chain is mostly in use, and then the rest is not tried.
 */
export function filterDown(tunnel: TunnelPlan, end: End): string {
  const filter = planFilter(tunnel, end);
  const names = filterNames(tunnel, end);
  const removals: Readonly<Record<keyof Filter, string>> = {
    own: removal(filter.own),
    peer: `${removal(filter.peer)}; delete set ${TABLE} ${names.vnis}`,
    fleet: removal(filter.fleet),
    port: `${removal(filter.port)}; delete set ${TABLE} ${names.closed}`,
    prefix: removal(filter.prefix),
    table: `delete chain ${TABLE} in_use; delete table ${TABLE}`,
  };
  const words = FILTER_PARTS.map((name) => `${name}='${removals[name]}';`);
  const each =
    'nft "$own; $peer" || nft "$own"; nft "$fleet" && for unused in "$port" "$prefix" "$table"; do nft "$unused"; done';
  const all = FILTER_PARTS.map((name) => `$${name}`).join('; ');
  return continued(['exec 2>/dev/null;', ...words, `${end === 'hub' ? each : `nft "${all}" || { ${each}; }`}; true`]);
}

/** One line of a stanza over several, as interfaces(5) has it: so that it can be read, and a diff shows what is another. */
const continued = (lines: readonly string[]): string => lines.join(' \\\n    ');

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** Elements first, then what they go to: rules before chains, since one of the chains may go to another. */
function removal({ sets, chains, counters }: FilterPart): string {
  return [
    ...sets
      .filter(({ elements }) => elements.length > 0)
      .map(({ name, elements }) => `delete element ${TABLE} ${name} { ${elements.join(', ')} }`),
    ...chains.map(({ name }) => `flush chain ${TABLE} ${name}`),
    ...chains.map(({ name }) => `delete chain ${TABLE} ${name}`),
    ...counters.map((name) => `delete counter ${TABLE} ${name}`),
  ].join('; ');
}

/** Each set once, with the elements of all parts. */
function mergeSets(parts: readonly FilterPart[]): FilterPart['sets'] {
  const merged = new Map<string, FilterPart['sets'][number]>();
  for (const set of parts.flatMap((part) => part.sets)) {
    const known = merged.get(set.name);
    merged.set(set.name, { ...set, elements: [...(known?.elements ?? []), ...set.elements] });
  }
  return [...merged.values()];
}
