/** Does the hub forward? A packet from one site to another, through it. */
import type { Check, TunnelFailure } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';
import { check as plannedCheck, MINIMUM_MTU, transitCheck } from '../verify/plan-checks.js';
import type { Pair } from './tunnel.js';

export interface TransitProof {
  /** The packet that arrived, or the one that did not; null when no other site could be asked. */
  readonly check: Check | null;
  readonly failure: TunnelFailure | null;
}

/** The other site answers within milliseconds, or is not asked any longer; in seconds. */
const TRANSIT_SECONDS = 1;
/** Sites that are asked one after the other: one may be off, or filter. */
const MOST_PARTNERS = 3;

/**
 * Of a tunnel that answers. Only silence makes more packets than one: then the hub asks the other site, which may itself be dead, and what was silent is
 * asked again, for it may have been bounced in between.
 */
export async function proveTransit(tunnel: Pair): Promise<TransitProof> {
  const { plan, hub, spoke } = tunnel;
  if (plan.isolate) return await proveIsolation(tunnel);
  let silent: { readonly partner: TunnelPlan; readonly check: Check } | undefined;
  for (const partner of partnersOf(tunnel)) {
    const send = async (): Promise<Check | undefined> =>
      (await spoke.probe([transitCheck(plan, partner)], TRANSIT_SECONDS)).checks[0];
    const first = await send();
    if (first?.ok === true) return { check: first, failure: null };
    const alive = [plannedCheck('hub', partner.hubAddress, partner.spokeAddress48, '/48', MINIMUM_MTU)];
    if ((await hub.probe(alive, TRANSIT_SECONDS)).checks.some(({ ok }) => !ok)) continue;
    const check = await send();
    if (check?.ok === true) return { check, failure: null };
    if (check !== undefined) silent ??= { partner, check };
  }
  if (silent === undefined) return { check: null, failure: null };
  return { check: silent.check, failure: transitFailure(plan, silent.partner) };
}

/** Silence proves something only where the hub reaches the other site. */
async function proveIsolation(tunnel: Pair): Promise<TransitProof> {
  const { plan, hub, spoke } = tunnel;
  for (const partner of partnersOf(tunnel)) {
    const alive = [plannedCheck('hub', partner.hubAddress, partner.spokeAddress48, '/48', MINIMUM_MTU)];
    if ((await hub.probe(alive, TRANSIT_SECONDS)).checks.some(({ ok }) => !ok)) continue;
    const [check] = (await spoke.probe([transitCheck(plan, partner)], TRANSIT_SECONDS)).checks;
    if (check?.ok !== true) break;
    return { check, failure: leakFailure(plan, partner) };
  }
  return { check: null, failure: null };
}

const leakFailure = (plan: TunnelPlan, partner: TunnelPlan): TunnelFailure => ({
  code: 'verify',
  end: 'hub',
  layer: 'filter',
  message: `${plan.spoke} is isolated, and reaches ${partner.spoke} (${partner.spokeAddress48}) all the same`,
  hint: 'Something else than the hub\'s table "inet vxfleet" has let it through, or another way than the hub: ip -6 route get there, nft list ruleset on the hub.',
});

/** Those that the run has proven, the last first; else those whose tunnel is up at the hub and that nobody is changing. */
export function partnersOf({ fleet, plan, hub: { facts }, proven }: Pair): readonly TunnelPlan[] {
  const isOther = (one: TunnelPlan): boolean => one.id !== plan.id && (plan.isolate || !one.isolate);
  const known = [...proven].filter(isOther).toReversed();
  const up = fleet.tunnels.filter((one) => {
    const link = facts.links.get(one.interface);
    const isUp = link?.up === true && link.addresses.some(({ address }) => address === one.hubAddress);
    return isOther(one) && isUp && !proven.has(one) && !facts.trials.has(one.interface);
  });
  // The next ones by id: or all sites would ask the first.
  const next = [...up.filter(({ id }) => id > plan.id), ...up.filter(({ id }) => id < plan.id)];
  return [...known, ...next].slice(0, MOST_PARTNERS);
}

const transitFailure = (plan: TunnelPlan, partner: TunnelPlan): TunnelFailure => ({
  code: 'verify',
  end: 'hub',
  layer: 'forwarding',
  message: `packets of ${plan.spoke} (${plan.spokeAddress48}) do not arrive at ${partner.spoke} (${partner.spokeAddress48}), though the hub reaches both`,
  hint: 'Does a firewall of the hub drop what it forwards, as Docker, ufw and firewalld make it do (nft list ruleset; docs/hosts.md)? Where the sites filter each other, set hub.anchor: then that is asked instead.',
});
