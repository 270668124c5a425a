/** What of a tunnel is still in the kernel after it was taken away. Pure. */
import { GUARD_METRIC } from '../plan/make-plan.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import { filterRemains } from './filter-state.js';
import { isRuleOf, type Finding, type ObservedEnd } from './compare-end.js';
import type { KernelRoute } from './kernel-state.js';

/** Empty: the end is gone, with its link, its routes and its rules. */
export function findRemains(tunnel: TunnelPlan, end: End, { link, network }: ObservedEnd): Finding[] {
  const { interface: name } = tunnel;
  const isAlone = (route: KernelRoute): boolean =>
    end === 'hub'
      ? route.unreachable && route.destination === tunnel.prefix && route.metric === tunnel.aggregateMetric
      : route.table === String(tunnel.table) ||
        (route.unreachable &&
          [tunnel.prefix64, tunnel.prefix48].includes(route.destination) &&
          route.metric === GUARD_METRIC);
  return [
    ...(link === undefined ? [] : [{ layer: 'link' as const, message: `${name} still exists` }]),
    ...network.routes
      .filter((route) => route.device === name || isAlone(route))
      .map(({ destination, table }) => ({
        layer: 'routes' as const,
        message: `a route of ${name} is left: ${destination} in table ${table}`,
      })),
    ...network.rules
      .filter((rule) => end === 'spoke' && isRuleOf(tunnel, rule))
      .map(({ text }) => ({ layer: 'policy' as const, message: `a rule of ${name} is left: ${text}` })),
    ...filterRemains(name, network.filter).map((text) => ({
      layer: 'filter' as const,
      message: `a part of the filter of ${name} is left: ${text}`,
    })),
  ];
}
