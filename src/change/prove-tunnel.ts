/** The proof of a planned tunnel: link, addresses, routes and rules as planned on both ends, and packets that come back. Changes nothing. */
import type { Check, Intrusion, TunnelFailure } from '../events.js';
import type { End } from '../plan/plan.js';
import { compareEnd, type ObservedEnd } from '../verify/compare-end.js';
import { describeKernelRoute, describeKernelRule } from '../verify/describe-route.js';
import { diagnose } from '../verify/judge-probe.js';
import { planChecks, routeQuestions, type RouteQuestion } from '../verify/plan-checks.js';
import { walkRules } from '../verify/walk-rules.js';
import type { AnsweredAt } from './downtime.js';
import { countDrops, proveClosed } from './prove-closed.js';
import { proveTransit, type TransitProof } from './prove-transit.js';
import { endsOf, expectedOf, mtus, type Pair } from './tunnel.js';

export interface Proof {
  readonly checks: readonly Check[];
  readonly transit: Check | null;
  readonly intrusions: readonly Intrusion[];
  readonly answeredAt: AnsweredAt;
  /** What the kernels had, as far as they were asked as a whole. */
  readonly observed?: Readonly<Record<End, ObservedEnd>>;
  /** Did pieces of packets come to either host meanwhile? */
  readonly sawFragments: boolean;
  /** The first failing layer, or null: proven. */
  readonly failure: TunnelFailure | null;
}

/** Nothing was asked that packets would have to answer. */
export const UNASKED: Proof = {
  checks: [],
  transit: null,
  intrusions: [],
  answeredAt: { hub: null, spoke: null },
  sawFragments: false,
  failure: null,
};

/** What is wrong is known, and no packet was waited for. */
export const disproof = (failure: TunnelFailure): Proof => ({ ...UNASKED, failure });

/**
 * The kernel is asked while packets are on their way: what it shows to be wrong is not waited for.
 * @param seconds how long packets may take to come back: each check is repeated until it is answered or this is over
 */
export async function proveTunnel(tunnel: Pair, seconds: number): Promise<Proof> {
  const planned = planChecks(tunnel.fleet, tunnel.plan, Math.min(mtus(tunnel).hub, mtus(tunnel).spoke));
  const questions = routeQuestions(tunnel.fleet, tunnel.plan);
  // One flight to each host.
  const probes = Promise.all([
    tunnel.hub.probe(planned, seconds, 'diagnose'),
    tunnel.spoke.probe(planned, seconds, 'diagnose'),
  ]);
  // A session that is lost fails all of its questions: whoever waits for the kernel is told.
  probes.catch(() => undefined);
  const drops = countDrops(tunnel);
  drops.catch(() => undefined);
  const [hubState, spokeState] = await Promise.all([tunnel.hub.observe(), tunnel.spoke.observe(questions)]);
  const astray = questions
    .map((question, index) => ({ question, device: spokeState.ways[index] }))
    .find(({ device }) => device !== tunnel.plan.interface);
  const known =
    kernelFailure(tunnel, { hub: hubState, spoke: spokeState }) ??
    (tunnel.hub.facts.forwards ? undefined : NO_FORWARDING) ??
    (astray && strayFailure(tunnel, astray.question, astray.device));
  if (known !== undefined) return disproof(known);

  const [hub, spoke] = await probes;
  const checks = [...hub.checks, ...spoke.checks];
  const answered = {
    checks,
    observed: { hub: hubState, spoke: spokeState },
    answeredAt: { hub: hub.answeredAt, spoke: spoke.answeredAt },
    sawFragments: hub.fragments + spoke.fragments > 0,
  };
  const failed = checks.find((check) => !check.ok);
  if (failed !== undefined) {
    const diagnosis = diagnose(tunnel.plan, failed, { hub: hub.values, spoke: spoke.values });
    return { ...UNASKED, ...answered, failure: { code: 'verify', end: failed.from, ...diagnosis } };
  }
  // From here on other tunnels may ask this site.
  tunnel.proven.add(tunnel.plan);
  // The anchor, if there is one, has proven that the hub forwards.
  const [transit, closed] = await Promise.all([
    tunnel.fleet.hub.anchor === undefined ? proveTransit(tunnel) : NO_TRANSIT,
    drops.then(async (before) => proveClosed(tunnel, before)),
  ]);
  const failure = transit.failure ?? closed.failure;
  if (failure !== null) tunnel.proven.delete(tunnel.plan);
  return { ...answered, transit: transit.check, intrusions: closed.intrusions, failure };
}

const NO_TRANSIT: TransitProof = { check: null, failure: null };

function kernelFailure(tunnel: Pair, states: Readonly<Record<End, ObservedEnd>>): TunnelFailure | undefined {
  for (const end of endsOf(tunnel)) {
    const expected = expectedOf(tunnel, end);
    const [finding, ...others] = compareEnd(expected, states[end.end], !end.target.isCustom);
    if (finding === undefined) continue;
    const more = others.length > 0 ? ` (and ${others.length} more)` : '';
    const { interface: name, spoke, filter } = tunnel.plan;
    const hint = `vxfleet deploy ${spoke} puts it right; vxfleet diff ${spoke} shows all of it. To look: ip -d addr show dev ${name}; ip -6 route show table all dev ${name}; ip -6 rule${filter ? '; nft list table inet vxfleet' : ''}.`;
    return { code: 'verify', end: end.end, layer: finding.layer, message: finding.message + more, hint };
  }
  return undefined;
}

/** @param device by which the packets leave; undefined: they do not */
function strayFailure(
  { plan, spoke: { facts } }: Pair,
  { source, target }: RouteQuestion,
  device: string | undefined,
): TunnelFailure {
  const where = device === undefined ? 'nowhere' : `by ${device}`;
  // As the host was when it was inspected.
  const { rule, route } = walkRules(facts.network, source, target);
  const isCause = rule !== undefined && route !== undefined && route.device === device;
  const cause = isCause ? `: rule ${describeKernelRule(rule)}, route ${describeKernelRoute(route)}` : '';
  const cure =
    plan.mode === 'policy'
      ? `a rule before priority ${plan.priority} takes them (ip -6 rule).`
      : `another IPv6 default route has a metric below ${plan.metric}: remove it, set a smaller metric, or use mode: policy.`;
  return {
    code: 'verify',
    end: 'spoke',
    layer: 'policy',
    message: `packets from ${source} leave ${where}, not by ${plan.interface}${cause}`,
    hint: `ip -6 route get ${target} from ${source} shows it; ${cure}`,
  };
}

/** Without it only transit fails, and pings of the hub's own addresses pass (field-notes 2.10). */
const NO_FORWARDING: TunnelFailure = {
  code: 'verify',
  end: 'hub',
  layer: 'forwarding',
  message: 'the hub does not forward IPv6 (net.ipv6.conf.all.forwarding is 0)',
  hint: 'sysctl -w net.ipv6.conf.all.forwarding=1, and put it into /etc/sysctl.d.',
};
