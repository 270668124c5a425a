/** The proof: link parameters, addresses, routes and rules as planned on both ends, and packets that come back. Changes nothing. */
import type { Check, TunnelFailure } from '../events.js';
import { ENDS } from '../plan/plan.js';
import { compareEnd } from '../verify/compare-end.js';
import { diagnose } from '../verify/judge-probe.js';
import { planChecks, routeQuestions } from '../verify/plan-checks.js';
import { expectedOf, mtus, type Tunnel } from './tunnel.js';

export interface Proof {
  readonly checks: readonly Check[];
  /** The first failing layer, or null: proven. */
  readonly failure: TunnelFailure | null;
}

/** @param seconds how long packets may take to come back: each check is repeated until it is answered or this is over. */
export async function proveTunnel(tunnel: Tunnel, seconds: number): Promise<Proof> {
  const planned = planChecks(tunnel.fleet, tunnel.plan, Math.min(mtus(tunnel).hub, mtus(tunnel).spoke));
  const questions = routeQuestions(tunnel.fleet, tunnel.plan);
  // One flight to each host: the answers are judged together.
  const [hub, spoke] = await Promise.all([
    tunnel.hub.examine(planned, seconds, []),
    tunnel.spoke.examine(planned, seconds, questions),
  ]);
  const states = { hub: hub.state, spoke: spoke.state };
  const checks = [...hub.checks, ...spoke.checks];

  for (const end of ENDS) {
    const findings = compareEnd(expectedOf(tunnel, end), states[end], !tunnel.custom[end]);
    const [finding] = findings;
    if (finding === undefined) continue;
    const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
    return {
      checks,
      failure: { code: 'verify', end, layer: finding.layer, message: finding.message + more, hint: kernelHint(tunnel) },
    };
  }
  const failed = checks.find((check) => !check.ok);
  // Without it only transit fails, and pings of the hub's own addresses pass (field-notes 2.10).
  if (failed?.prefix !== '/80' && !tunnel.hub.facts.forwards) return { checks, failure: NO_FORWARDING };
  if (failed !== undefined) {
    const values = { hub: hub.values, spoke: spoke.values };
    return { checks, failure: { code: 'verify', end: failed.from, ...diagnose(tunnel.plan, failed, values) } };
  }
  const { ways } = spoke.state;
  const astray = ways.findIndex((device) => device !== tunnel.plan.interface);
  if (astray >= 0) return { checks, failure: strayFailure(tunnel, questions[astray]?.source ?? '', ways[astray]) };
  return { checks, failure: null };
}

function strayFailure(tunnel: Tunnel, source: string, device: string | undefined): TunnelFailure {
  const where = device === undefined ? 'nowhere' : `by ${device}`;
  const hint =
    tunnel.plan.mode === 'policy'
      ? 'Look at: ip -6 rule; is there a rule with a smaller priority?'
      : `Another IPv6 default route has a metric below ${tunnel.plan.metric}: remove it, set a smaller metric, or use mode: policy.`;
  return {
    code: 'verify',
    end: 'spoke',
    layer: 'policy',
    message: `packets from ${source} leave ${where}, not by ${tunnel.plan.interface}`,
    hint,
  };
}

const NO_FORWARDING: TunnelFailure = {
  code: 'verify',
  end: 'hub',
  layer: 'forwarding',
  message: 'the hub answers, but does not forward IPv6 (net.ipv6.conf.all.forwarding is 0)',
  hint: 'sysctl -w net.ipv6.conf.all.forwarding=1, and put it into /etc/sysctl.d.',
};

const kernelHint = (tunnel: Tunnel): string =>
  `Look at: ip -d addr show dev ${tunnel.plan.interface}; ip -6 route show table all dev ${tunnel.plan.interface}; ip -6 rule. \`vxfleet diff ${tunnel.plan.spoke}\` shows all of it.`;
