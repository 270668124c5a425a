/** What to ask `ip -6 -batch` and nft on a host: data, made here, run by the host program. */
import type { End, TunnelPlan } from '../plan/plan.js';
import { filterQuestion, FILTER_QUESTION } from './filter-state.js';
import type { NetworkQuery } from './kernel-state.js';

/** The rules of a host, and of all its tables the routes that the fleet's packets could take: inside its prefix, and those that cover it. */
export const fleetQueries = ({ prefix, filter }: { prefix: string; filter: boolean }): NetworkQuery[] => [
  { line: 'rule show' },
  { line: `route show table all root ${prefix}` },
  { line: `route show table all match ${prefix}` },
  ...(filter ? [{ line: FILTER_QUESTION }] : []),
];

/**
 * What belongs to one tunnel, and what must outlast any change of it. The kernel filters by table and by device, so a hub with a full BGP table answers quickly. The queries
 * that fail when the link is missing come last.
 * @param filter is the filter asked for?
 */
export const tunnelQueries = (tunnel: TunnelPlan, end: End, filter = tunnel.filter): NetworkQuery[] => [
  { line: 'rule show' },
  // Whoever made them.
  { line: 'route show table all exact default' },
  end === 'hub'
    ? {
        line: `route show table main dev lo exact ${tunnel.prefix} metric ${tunnel.aggregateMetric}`,
        metric: tunnel.aggregateMetric,
      }
    : { line: `route show table ${tunnel.table}`, table: String(tunnel.table) },
  ...(end === 'hub'
    ? []
    : [tunnel.prefix64, tunnel.prefix48].map((prefix) => ({ line: `route show table main dev lo exact ${prefix}` }))),
  { line: `addr show dev ${tunnel.interface}` },
  { line: `route show table all dev ${tunnel.interface}`, device: tunnel.interface },
  // Addresses come with what `-d` says of the link; of a link without any, only this says something. The host asks for links last (kernel.pl).
  { line: `link show dev ${tunnel.interface}` },
  ...(filter ? [{ line: filterQuestion(tunnel, end) }] : []),
];
