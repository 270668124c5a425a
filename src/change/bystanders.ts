/** What of a host's network is not the tunnel's, and that a change could take away all the same: a template of one's own, a file that is put back. */
import { isOwnRule } from '../preflight/routes.js';
import type { HostFacts } from '../host/host-facts.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import type { ObservedEnd } from '../verify/compare-end.js';
import { describeKernelRoute, describeKernelRule } from '../verify/describe-route.js';
import type { KernelRoute, KernelRule } from '../verify/kernel-state.js';

/** The kernel's own, which come and go with addresses and nobody adds: local, main and default. */
const KERNEL_PRIORITIES = [0, 32766, 32767];

interface Bystanders {
  readonly routes: readonly KernelRoute[];
  readonly rules: readonly KernelRule[];
}

/** The default routes of all tables and the rules of others, as the host was when it was inspected. */
function bystandersOf(facts: HostFacts, tunnel: TunnelPlan): Bystanders {
  const { network } = facts;
  return {
    routes: network.routes.filter(
      ({ destination, device, table }) =>
        destination === 'default' && device !== tunnel.interface && table !== String(tunnel.table),
    ),
    rules: network.rules.filter(
      (rule) => !KERNEL_PRIORITIES.includes(rule.priority) && !isOwnRule({ tunnel, facts }, rule),
    ),
  };
}

/** Lines for `ip -6 -force -batch`, which add what is missing of them; what is there already stays as it is. */
export function restoringLines(facts: HostFacts, tunnel: TunnelPlan): string {
  const { routes, rules } = bystandersOf(facts, tunnel);
  const lines = [
    ...routes.flatMap(({ unreachable, gateway, device, table, metric }) => {
      const via = gateway === undefined ? '' : ` via ${gateway}`;
      const way = unreachable || device === undefined ? 'unreachable default' : `default${via} dev ${device}`;
      const line = `route add ${way} table ${table} metric ${metric}`;
      // A gateway that no route of the host's leads to is taken only so; one that was taken is not taken twice.
      return unreachable || gateway === undefined ? [line] : [line, `${line} onlink`];
    }),
    // Of the others it is not known how they are said.
    ...rules
      .filter(({ hasMore }) => !hasMore)
      .map(({ priority, from, table, suppressPrefixLength: length }) => {
        const suppress = length === undefined ? '' : ` suppress_prefixlength ${length}`;
        return `rule add pref ${priority} from ${from} lookup ${table}${suppress}`;
      }),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** What of them is not there any more, a sentence each. @param now what the kernel of the end has now */
export function findLosses(facts: HostFacts, plan: TunnelPlan, end: End, now: ObservedEnd): string[] {
  const { routes, rules } = bystandersOf(facts, plan);
  const host = end === 'hub' ? 'the hub' : plan.spoke;
  const has = (route: KernelRoute): boolean => now.network.routes.some((one) => isSame(one, route));
  return [
    ...routes
      .filter((route) => !has(route))
      .map((route) => `the route ${describeKernelRoute(route)} of ${host} is gone`),
    ...rules
      .filter((rule) => !now.network.rules.some(({ text }) => text === rule.text))
      .map((rule) => `the rule ${describeKernelRule(rule)} of ${host} is gone`),
  ];
}

const isSame = (one: KernelRoute, other: KernelRoute): boolean =>
  describeKernelRoute(one) === describeKernelRoute(other);
