import { VxfleetError } from '../errors.js';
import { readInteger } from '../inventory/read-integer.js';
import { nearName } from '../inventory/near-name.js';
import type { TunnelPlan } from './plan.js';

/** What a command works on. */
export interface Selection<T extends Named = TunnelPlan> {
  /** In the order of the plan, each once. */
  readonly tunnels: readonly T[];
  /** `hub`: the spokes' ends are left alone. */
  readonly ends: 'both' | 'hub';
}

/** The word that selects the hub's ends. No spoke may be named so. */
const HUB = 'hub';

/**
 * The tunnels that any of the LIMITs names: a spoke's name or a glob of it (`tok*`, `site-?`), an interface (`vxlan0a`), an id (`10`, `0x0a`), a tag
 * (`@kansai`). `!` before one takes those away. Commas separate LIMITs, too. No LIMIT that selects: the whole fleet.
 *
 * `hub` says which ends, not which tunnels: alone it is the hub's ends of the whole fleet, and beside other LIMITs the hub's
 * ends of what those select, so that a word more never widens what is touched.
 *
 * Throws `usage` when a LIMIT names nothing, one spoke by its name and another by its interface or id, or when nothing is left.
 */
export function selectTunnels<T extends Named>(plan: Tunnels<T>, limits: readonly string[]): Selection<T> {
  const words = limits.flatMap((limit) => limit.split(','));
  const ends = words.includes(HUB) ? 'hub' : 'both';
  const matchAll = (names: readonly string[]) => new Set(names.flatMap((limit) => matchLimit(plan, limit)));
  const wanted = selectingWords(limits);
  const selected = wanted.length === 0 ? new Set(plan.tunnels) : matchAll(wanted);
  const excluded = matchAll(words.filter((word) => word.startsWith('!')).map((word) => word.slice(1)));
  const tunnels = plan.tunnels.filter((tunnel) => selected.has(tunnel) && !excluded.has(tunnel));
  if (tunnels.length === 0 && excluded.size > 0) throw new VxfleetError('usage', 'the LIMITs leave no tunnel');
  return { tunnels, ends };
}

/** The words that select something, or should. */
export const selectingWords = (limits: readonly string[]): string[] =>
  limits.flatMap((limit) => limit.split(',')).filter((word) => word !== HUB && !word.startsWith('!'));

function matchLimit<T extends Named>(plan: Tunnels<T>, limit: string): readonly T[] {
  const matches = plan.tunnels.filter(matcher(limit));
  if (matches.length === 0) throw unknownLimit(plan, limit);
  const isGroup = /[@*?]/.test(limit);
  // A rollback knows a site's former tunnels, too.
  if (new Set(matches.map(({ spoke }) => spoke)).size > 1 && !isGroup) throw ambiguousLimit(matches, limit);
  return matches;
}

/** What a LIMIT can know a tunnel by. */
export type Named = Pick<TunnelPlan, 'spoke' | 'interface' | 'id' | 'tags'>;

interface Tunnels<T extends Named> {
  readonly tunnels: readonly T[];
}

/** @param limit one word, without `!` */
export function matcher(limit: string): (tunnel: Named) => boolean {
  if (limit.startsWith('@')) return (tunnel) => tunnel.tags.includes(limit.slice(1));
  if (/[*?]/.test(limit)) {
    const pattern = globPattern(limit);
    return (tunnel) => pattern.test(tunnel.spoke);
  }
  const id = readId(limit);
  return (tunnel) => tunnel.spoke === limit || tunnel.interface === limit || ('value' in id && tunnel.id === id.value);
}

const readId = readInteger({ min: 1, max: 65535 });

/** Runs of `*` are folded: `*****` would otherwise make the pattern backtrack for ever. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*+|[^*]/g, (part) => {
    if (part.startsWith('*')) return '.*';
    return part === '?' ? '.' : part.replace(/[\\^$.|+()[\]{}/-]/g, '\\$&');
  });
  return new RegExp(`^${source}$`);
}

/** The error for a LIMIT that names nothing of this fleet. */
export function unknownLimit(plan: Tunnels<Named>, limit: string): VxfleetError {
  const candidates = new Set([HUB]);
  for (const tunnel of plan.tunnels) {
    candidates.add(tunnel.spoke).add(tunnel.interface);
    for (const tag of tunnel.tags) candidates.add(`@${tag}`);
  }
  const near = nearName(limit, [...candidates]);
  return new VxfleetError(
    'usage',
    `LIMIT ${JSON.stringify(limit)} names no spoke, interface, id or tag of this fleet`,
    {
      hint:
        near === undefined
          ? '`vxfleet inventory` lists them.'
          : `Did you mean ${near}? \`vxfleet inventory\` lists them all.`,
    },
  );
}

function ambiguousLimit(matches: readonly Named[], limit: string): VxfleetError {
  const meanings = matches.map((tunnel) => `${tunnel.spoke} (${tunnel.interface})`).join(' and ');
  return new VxfleetError('usage', `LIMIT ${limit} is one spoke's name and another's interface or id: ${meanings}`, {
    hint: 'Name the spoke by its other name.',
  });
}
