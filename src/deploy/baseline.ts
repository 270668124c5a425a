/** What ran before a change and what of it answered: exactly that must be so again after a revert. */
import type { ObservedEnd } from '../verify/compare-end.js';
import { check, type PlannedCheck } from '../verify/plan-checks.js';
import { ENDS, type End } from '../plan/plan.js';
import type { Tunnel } from './tunnel.js';

export interface Baseline {
  readonly observed: Readonly<Record<End, ObservedEnd>>;
  /** The packets that came back before the change. */
  readonly answered: readonly PlannedCheck[];
}

/** A tunnel that works answers within milliseconds; one that is dead already must not hold up its repair, in seconds. */
const BASELINE_SECONDS = 2;
/** After a revert the old state gets as long as a new one would. */
const RESTORED_SECONDS = 10;

/** Takes the addresses from the kernel, not from the plan: what runs may be another plan's, or a person's. */
export async function takeBaseline(tunnel: Tunnel): Promise<Baseline> {
  const planned = baselineChecks(tunnel);
  const [hub, spoke, ...probes] = await Promise.all([
    tunnel.hub.observe(),
    tunnel.spoke.observe(),
    ...ENDS.map((end) => tunnel[end].probe(planned, BASELINE_SECONDS, false)),
  ]);
  const checks = probes.flatMap((probe) => probe.checks);
  const answered = planned.filter((one) =>
    checks.some((c) => c.ok && c.source === one.source && c.target === one.target),
  );
  return { observed: { hub, spoke }, answered };
}

function baselineChecks(tunnel: Tunnel): PlannedCheck[] {
  const hub = tunnel.hub.facts.links.get(tunnel.plan.interface);
  const spoke = tunnel.spoke.facts.links.get(tunnel.plan.interface);
  const source = hub?.addresses[0]?.address;
  if (hub === undefined || spoke === undefined || source === undefined) return [];
  const bytes = Math.min(hub.mtu, spoke.mtu);
  return spoke.addresses.flatMap(({ address }) => [
    check('hub', source, address, '/80', bytes),
    check('spoke', address, source, '/80', bytes),
  ]);
}

/** What is not as it was, one sentence each; empty means that the old state is proven. */
export async function compareWithBaseline(tunnel: Tunnel, baseline: Baseline): Promise<string[]> {
  const [hub, spoke, ...probes] = await Promise.all([
    tunnel.hub.observe(),
    tunnel.spoke.observe(),
    ...ENDS.map((end) => tunnel[end].probe(baseline.answered, RESTORED_SECONDS, false)),
  ]);
  const now = { hub, spoke };
  const changed = ENDS.filter((end) => fingerprint(now[end]) !== fingerprint(baseline.observed[end])).map(
    (end) => `the kernel state of the ${end}'s end is not what it was`,
  );
  const silent = probes
    .flatMap((probe) => probe.checks)
    .filter((c) => !c.ok)
    .map((c) => `${c.target} answered ${c.source} before and does not now`);
  return [...changed, ...silent];
}

/** Everything but what a bounce changes by nature: the interface index, and a MAC that nobody fixed. */
function fingerprint({ link, network }: ObservedEnd): string {
  const isFixed = link?.mac.startsWith('02:76:78:') === true;
  return JSON.stringify([
    link === undefined ? null : { ...link, ifindex: 0, mac: isFixed ? link.mac : '' },
    network.routes.map((route) => JSON.stringify(route)).sort(),
    network.rules.map((rule) => JSON.stringify(rule)).sort(),
  ]);
}
