/** What ran before a change and what of it answered: exactly that must be so again after a revert. */
import type { Check, PutBack } from '../events.js';
import { ownFilter } from '../verify/filter-state.js';
import type { KernelLink } from '../verify/kernel-state.js';
import type { ObservedEnd } from '../verify/compare-end.js';
import { check, type PlannedCheck } from '../verify/plan-checks.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAC_PREFIX } from '../plan/make-plan.js';
import { isInPrefix } from '../plan/is-in-prefix.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import { findLosses } from './bystanders.js';
import type { AnsweredAt } from './downtime.js';
import { askEnds, endsOf, type Tunnel } from './tunnel.js';
import type { ProbeOutcome, TunnelEnd } from './tunnel-end.js';

export interface Baseline {
  readonly observed: Readonly<Record<End, ObservedEnd>>;
  /** The packets that were sent, and what came back. */
  readonly checks: readonly Check[];
  /** Those that came back. */
  readonly answered: readonly PlannedCheck[];
  readonly answeredAt: AnsweredAt;
}

/** A tunnel that works answers within milliseconds; one that is dead already must not hold up its repair, in seconds. */
const BASELINE_SECONDS = 2;
/** After a revert the old state gets as long as a new one would. */
const RESTORED_SECONDS = 10;
/** One a second. */
const RESTORED_ATTEMPTS = 10;

/** Takes the addresses from the kernel, not from the plan: what runs may be another plan's, or a person's. */
export async function takeBaseline(tunnel: Tunnel): Promise<Baseline> {
  // As inspected: the questions go out together with the one for the state of now.
  const { interface: name } = tunnel.plan;
  const planned = crossChecks(tunnel.hub?.facts.links.get(name), tunnel.spoke?.facts.links.get(name));
  const [observed, probes] = await Promise.all([
    askEnds(tunnel, async (end) => observeBefore(tunnel.plan, end), NOTHING),
    probeEnds(tunnel, planned, BASELINE_SECONDS),
  ]);
  return { observed, ...probes };
}

/** An end of which nothing was found is not asked again: `prepare` sees to it that it has got no file since. */
async function observeBefore(plan: TunnelPlan, end: TunnelEnd): Promise<ObservedEnd> {
  const { facts, current } = end;
  const isEmpty =
    current === null &&
    !facts.links.has(plan.interface) &&
    ownFilter(plan.interface, facts.network.filter) === '' &&
    !facts.network.rules.some(({ from }) => isOf(from, plan)) &&
    !facts.network.routes.some(
      (route) =>
        route.table === String(plan.table) ||
        route.metric === plan.aggregateMetric ||
        (route.unreachable && [plan.prefix64, plan.prefix48].includes(route.destination)),
    );
  return isEmpty ? NOTHING : await end.observe();
}

const NOTHING: ObservedEnd = { link: undefined, network: { routes: [], rules: [] } };

const isOf = (from: string, { prefix }: TunnelPlan): boolean => isInPrefix(from.replace(/\/.*/, ''), prefix);

/** As takeBaseline, of what the kernels have now. @param seconds how long packets may take to come back */
export async function observeAnswers(tunnel: Tunnel, seconds: number): Promise<Baseline> {
  const observed = await observeEnds(tunnel);
  const planned = crossChecks(observed.hub.link, observed.spoke.link);
  return { observed, ...(await probeEnds(tunnel, planned, seconds)) };
}

const observeEnds = async (tunnel: Tunnel): Promise<Baseline['observed']> =>
  await askEnds(tunnel, async (end) => end.observe(), NOTHING);

async function probeEnds(
  tunnel: Tunnel,
  planned: readonly PlannedCheck[],
  seconds: number,
): Promise<Omit<Baseline, 'observed'>> {
  const { hub, spoke } = await askEnds(tunnel, async (end) => end.probe(planned, seconds, 'anew'), SILENCE);
  const checks = [...hub.checks, ...spoke.checks];
  const answered = planned.filter((one) =>
    checks.some((c) => c.ok && c.source === one.source && c.target === one.target),
  );
  return { checks, answered, answeredAt: { hub: hub.answeredAt, spoke: spoke.answeredAt } };
}

const SILENCE: ProbeOutcome = { checks: [], answeredAt: null, fragments: 0, values: new Map() };

/** The hub's first address and each of the spoke's, asked from both sides, at the smaller MTU. */
function crossChecks(hub: KernelLink | undefined, spoke: KernelLink | undefined): PlannedCheck[] {
  const source = hub?.addresses[0]?.address;
  if (hub === undefined || spoke === undefined || source === undefined) return [];
  const bytes = Math.min(hub.mtu, spoke.mtu);
  return spoke.addresses.flatMap(({ address }) => [
    check('hub', source, address, '/80', bytes),
    check('spoke', address, source, '/80', bytes),
  ]);
}

/** What came of going back. */
export interface Restored {
  /** What is not as it was, one sentence each; empty means that the old state is proven. */
  readonly changes: readonly string[];
  /** What answered before, again. */
  readonly answeredAt: AnsweredAt;
}

/** @param isUnderWay a host ended the trial alone and may still be at it */
export async function compareWithBaseline(tunnel: Tunnel, baseline: Baseline, isUnderWay: boolean): Promise<Restored> {
  for (let attempt = 1; ; attempt += 1) {
    const changes = await findChanges(tunnel, baseline);
    if (changes.length === 0) break;
    if (!isUnderWay || attempt === RESTORED_ATTEMPTS) return { changes, answeredAt: { hub: null, spoke: null } };
    await sleep(1000);
  }
  const { checks, answeredAt } = await probeEnds(tunnel, baseline.answered, RESTORED_SECONDS);
  const silent = checks.filter((c) => !c.ok);
  return { changes: silent.map((c) => `${c.target} answered ${c.source} before and does not now`), answeredAt };
}

async function findChanges(tunnel: Tunnel, baseline: Baseline): Promise<string[]> {
  const now = await observeEnds(tunnel);
  return endsOf(tunnel).flatMap(({ end, facts }) => [
    ...(fingerprint(tunnel.plan, now[end]) === fingerprint(tunnel.plan, baseline.observed[end])
      ? []
      : [`the kernel state of the ${end}'s end is not what it was`]),
    ...findLosses(facts, tunnel.plan, end, now[end]),
  ]);
}

/**
 * What the old file can restore: the link but for what a bounce changes by nature (its index, a MAC that nobody fixed), its addresses,
 * and the routes and rules of the fleet's prefix. What others put on the tunnel (a routing daemon, an administrator) is theirs.
 */
function fingerprint(plan: TunnelPlan, { link, network }: ObservedEnd): string {
  const isFixed = link?.mac.startsWith(MAC_PREFIX) === true;
  const addresses = (link?.addresses ?? []).map(({ address, length }) => `${address}/${length}`).toSorted();
  const isOurs = (prefix: string): boolean => isInPrefix(prefix.replace(/\/.*/, ''), plan.prefix);
  const routes = network.routes.filter(
    ({ destination, table }) => isOurs(destination) || (destination === 'default' && table === String(plan.table)),
  );
  return JSON.stringify([
    link === undefined ? null : { ...link, ifindex: 0, mac: isFixed ? link.mac : '', addresses },
    routes.map((route) => JSON.stringify(route)).toSorted(),
    network.rules
      .filter(({ from }) => isOurs(from))
      .map((rule) => JSON.stringify(rule))
      .toSorted(),
    ownFilter(plan.interface, network.filter),
  ]);
}

/** What the ends of a change that failed are put back to. */
export function putBackOf({ observed, answered }: Baseline): PutBack {
  if (answered.length > 0) return 'answers';
  return observed.hub.link === undefined && observed.spoke.link === undefined ? 'nothing' : 'silent';
}
