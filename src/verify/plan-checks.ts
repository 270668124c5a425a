/** Which packets prove a tunnel: every routed prefix, from both ends, from the right source, at full tunnel MTU. Pure. */
import type { Check } from '../events.js';
import type { End, FleetPlan, TunnelPlan } from '../plan/plan.js';

/** One ping to send. `key` names it in the host program's answer. */
export interface PlannedCheck {
  readonly key: string;
  readonly from: End;
  readonly source: string;
  readonly target: string;
  readonly prefix: Check['prefix'];
  /** Size of the IPv6 packet in bytes, headers included. */
  readonly bytes: number;
}

/** Names a check in the host program's answers. */
export const keyOf = ({ source, target }: Pick<Check, 'source' | 'target'>): string => `${source}>${target}`;

/** Every IPv6 path carries packets of this size (RFC 8200 section 5); what lies beyond the hub need not carry more. */
export const MINIMUM_MTU = 1280;

/** @param mtu of the tunnel, in bytes. */
export function planChecks(plan: FleetPlan, tunnel: TunnelPlan, mtu: number): PlannedCheck[] {
  const own = [
    { prefix: '/80', address: tunnel.spokeAddress80 },
    { prefix: '/64', address: tunnel.spokeAddress64 },
    { prefix: '/48', address: tunnel.spokeAddress48 },
  ] as const;
  const { anchor } = plan.hub;
  return [
    ...own.map(({ prefix, address }) => check('hub', tunnel.hubAddress, address, prefix, mtu)),
    ...own.map(({ prefix, address }) => check('spoke', address, tunnel.hubAddress, prefix, mtu)),
    ...(anchor === undefined
      ? []
      : own.slice(1).map(({ address }) => check('spoke', address, anchor, 'anchor', MINIMUM_MTU))),
  ];
}

export function check(from: End, source: string, target: string, prefix: Check['prefix'], bytes: number): PlannedCheck {
  return { key: keyOf({ source, target }), from, source, target, prefix, bytes };
}

/** From the /48 of one site to that of another, through the hub. */
export const transitCheck = (from: TunnelPlan, to: TunnelPlan): PlannedCheck =>
  check('spoke', from.spokeAddress48, to.spokeAddress48, 'transit', MINIMUM_MTU);

/** The lines that the host program's `probe` takes. */
export const probePayload = (checks: readonly PlannedCheck[]): string =>
  checks.map(({ key, source, target, bytes }) => `${key} ${source} ${target} ${bytes}\n`).join('');

/**
 * An address that no routing table names, so that only a default route can carry it: what a policy must catch. 2000::/16 has never
 * been allocated (IANA IPv6 global unicast assignments).
 */
const ANYWHERE = '2000::1';

/** By which interface would a packet leave? */
export interface RouteQuestion {
  readonly source: string;
  readonly target: string;
}

/** How the kernel is asked: lines for `ip -6 -batch`. */
export const routeQueries = (questions: readonly RouteQuestion[]): { readonly line: string }[] =>
  questions.map(({ source, target }) => ({ line: `route get ${target} from ${source}` }));

/** The routing questions of the spoke's end: by which interface would each of its sources reach the world? */
export const routeQuestions = (plan: FleetPlan, tunnel: TunnelPlan): RouteQuestion[] =>
  [tunnel.spokeAddress80, tunnel.spokeAddress64, tunnel.spokeAddress48].map((source) => ({
    source,
    target: plan.hub.anchor ?? ANYWHERE,
  }));
