import { VxfleetError } from '../errors.js';
import { nearName } from '../inventory/near-name.js';
import type { FleetPlan, TunnelPlan } from './plan.js';

/** What a command works on. */
export interface Selection {
  /** In the order of the plan, each once. */
  readonly tunnels: readonly TunnelPlan[];
  /** `hub`: the spokes' ends are left alone. */
  readonly ends: 'both' | 'hub';
}

/** The word that selects the hub's ends. No spoke may be named so. */
const HUB = 'hub';

/**
 * The tunnels that any of the LIMITs names: a spoke's name or a glob of it (`tok*`, `site-?`), an interface (`vxlan0a`), a tag
 * (`@kansai`). No LIMIT: the whole fleet.
 *
 * `hub` says which ends, not which tunnels: alone it is the hub's ends of the whole fleet, and beside other LIMITs the hub's
 * ends of what those select, so that a word more never widens what is touched.
 *
 * Throws `usage` when a LIMIT names nothing, or one spoke by its name and another by its interface.
 */
export function selectTunnels(plan: FleetPlan, limits: readonly string[]): Selection {
  const names = limits.filter((limit) => limit !== HUB);
  const ends = names.length < limits.length ? 'hub' : 'both';
  if (names.length === 0) return { tunnels: plan.tunnels, ends };

  const selected = new Set(names.flatMap((limit) => matchLimit(plan, limit)));
  return { tunnels: plan.tunnels.filter((tunnel) => selected.has(tunnel)), ends };
}

function matchLimit(plan: FleetPlan, limit: string): readonly TunnelPlan[] {
  const isMatch = matcher(limit);
  const matches = plan.tunnels.filter(isMatch);
  if (matches.length === 0) throw unknownLimit(plan, limit);
  if (matches.length > 1 && matches.some((tunnel) => tunnel.interface === limit)) throw ambiguousLimit(matches, limit);
  return matches;
}

function matcher(limit: string): (tunnel: TunnelPlan) => boolean {
  if (limit.startsWith('@')) return (tunnel) => tunnel.tags.includes(limit.slice(1));
  if (/[*?]/.test(limit)) {
    const pattern = globPattern(limit);
    return (tunnel) => pattern.test(tunnel.spoke);
  }
  return (tunnel) => tunnel.spoke === limit || tunnel.interface === limit;
}

/** Runs of `*` are folded: `*****` would otherwise make the pattern backtrack for ever. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*+|[^*]/g, (part) => {
    if (part.startsWith('*')) return '.*';
    return part === '?' ? '.' : part.replace(/[\\^$.|+()[\]{}/-]/g, '\\$&');
  });
  return new RegExp(`^${source}$`);
}

function unknownLimit(plan: FleetPlan, limit: string): VxfleetError {
  const candidates = new Set([HUB]);
  for (const tunnel of plan.tunnels) {
    candidates.add(tunnel.spoke).add(tunnel.interface);
    for (const tag of tunnel.tags) candidates.add(`@${tag}`);
  }
  const near = nearName(limit, [...candidates]);
  return new VxfleetError('usage', `LIMIT ${JSON.stringify(limit)} names no spoke, interface or tag of this fleet`, {
    hint:
      near === undefined
        ? '`vxfleet inventory` lists them.'
        : `Did you mean ${near}? \`vxfleet inventory\` lists them all.`,
  });
}

function ambiguousLimit(matches: readonly TunnelPlan[], limit: string): VxfleetError {
  const meanings = matches.map((tunnel) => `${tunnel.spoke} (${tunnel.interface})`).join(' and ');
  return new VxfleetError('usage', `LIMIT ${limit} is one spoke's name and another's interface: ${meanings}`, {
    hint: 'Name the spoke by its other name.',
  });
}
