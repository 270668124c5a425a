/** What the host program's `probe` answered → checks, and for the first that failed: which layer, and what to look at. Pure. */
import type { Check, Layer } from '../events.js';
import { ENDS, type End, type TunnelPlan } from '../plan/plan.js';
import { keyOf, type PlannedCheck } from './plan-checks.js';

/** A failed check with its diagnosis. */
export interface Diagnosis {
  readonly layer: Layer;
  readonly message: string;
  readonly hint: string;
}

type Values = ReadonlyMap<string, string>;

/** How a question ended. */
interface PingAnswer {
  /** 0: answered; CANNOT_ASK; any other: not answered. */
  readonly status: number;
  /** The round trip in ms, or why there was none. */
  readonly text: string;
}

/** The status of a question that this host cannot send at all (packets.pl). */
const CANNOT_ASK = 126;
/** What to do about it. */
export const RAW_SOCKET_HINT =
  'Root must be allowed to open raw sockets (CAP_NET_RAW): a container without it, or a service manager that has taken it from sshd.';

/** By the key of the check. */
function answersOf(values: Values): ReadonlyMap<string, PingAnswer> {
  return new Map(
    (values.get('pings') ?? '').split('\n').flatMap((line) => {
      const match = /^(\S+) (\d+) (.*)$/.exec(line);
      return match === null ? [] : [[match[1] ?? '', { status: Number(match[2]), text: match[3] ?? '' }] as const];
    }),
  );
}

/** Pairs the planned checks of one end with the answers; a check without an answer failed. */
export function judgePings(planned: readonly PlannedCheck[], values: Values): Check[] {
  const answers = answersOf(values);
  return planned.map(({ key, from, source, target, prefix, bytes }) => {
    const answer = answers.get(key);
    const ok = answer?.status === 0;
    return {
      from,
      source,
      target,
      prefix,
      ok,
      rtt_ms: ok && /^\d{1,9}(?:\.\d{1,9})?$/.test(answer.text) ? Number(answer.text) : null,
      bytes,
    };
  });
}

/** The first failing layer under a failed check, in the order of field-notes 3.3. */
export function diagnose(tunnel: TunnelPlan, failed: Check, values: Readonly<Record<End, Values>>): Diagnosis {
  const asked = values[failed.from];
  const answer = answersOf(asked).get(keyOf(failed));
  if (answer?.status === CANNOT_ASK) {
    return { layer: 'implementation', message: `no packet can be sent: ${answer.text}`, hint: RAW_SOCKET_HINT };
  }
  const what = `${failed.target} (${failed.prefix}) does not answer from ${failed.source}`;
  if ((asked.get('small') ?? '').split(' ').includes(keyOf(failed)))
    return smallOnly(tunnel, failed, answer?.text ?? '');
  if (failed.prefix === 'anchor') return noAnchor(tunnel, failed);
  if (failed.prefix === '/64' || failed.prefix === '/48') {
    const prefix = failed.prefix === '/64' ? tunnel.prefix64 : tunnel.prefix48;
    return {
      layer: failed.prefix,
      message: what,
      hint: `The /80 answers: look at the route to ${prefix} on the hub (ip -6 route get ${failed.target}) and at filters on both ends.`,
    };
  }
  return diagnoseUnderlay(tunnel, failed.from, what, values) ?? diagnosePeer(tunnel, what, asked);
}

function smallOnly({ spoke, hubUnderlay, spokeUnderlay }: TunnelPlan, failed: Check, text: string): Diagnosis {
  const path = `the underlay between ${hubUnderlay.address} and ${spokeUnderlay.address}`;
  const known = /message too long, mtu: (\d+)/.exec(text)?.[1];
  return {
    layer: 'mtu',
    message:
      known === undefined
        ? `${failed.target} answers small packets but none of ${failed.bytes} bytes`
        : `packets of ${failed.bytes} bytes are too long for the way to ${failed.target}, which takes ${known}`,
    hint:
      known === undefined
        ? `It loses full-size packets, ${path}: set a smaller vxlan.mtu for ${spoke}.`
        : `It carries less than its devices promise, ${path}: set vxlan.mtu: ${known} for ${spoke}. The kernel forgets what it has learnt of a path after ten minutes.`,
  };
}

const noAnchor = (tunnel: TunnelPlan, failed: Check): Diagnosis => ({
  layer: 'anchor',
  message: `the anchor ${failed.target} does not answer from ${failed.source}`,
  hint: `The tunnel works as far as the hub: look at the hub's upstream, its filters, and whether ${tunnel.prefix} is routed to it.`,
});

/** Below the tunnel: the way to the other end, and whether any VXLAN packet arrives at either. */
function diagnoseUnderlay(
  tunnel: TunnelPlan,
  from: End,
  what: string,
  values: Readonly<Record<End, Values>>,
): Diagnosis | undefined {
  const underlays = { hub: tunnel.hubUnderlay, spoke: tunnel.spokeUnderlay };
  const near = underlays[from];
  const far = from === 'hub' ? underlays.spoke : underlays.hub;
  const device = /"dev":"([^"]+)"/.exec(values[from].get('underlay_route') ?? '')?.[1];
  if (device !== undefined && device !== near.device) {
    return {
      layer: 'underlay',
      message: `${what}: the way to ${far.address} leaves by ${device}, not by ${near.device}`,
      hint: `Look at: ip route get ${far.address}; correct underlay.device or the route.`,
    };
  }
  const deaf = ENDS.filter((end) => values[end].get('received') === '0');
  if (deaf.length === 0) return undefined;
  const where = deaf.map((end) => (end === 'hub' ? 'the hub' : tunnel.spoke)).join(' nor at ');
  const silence = `no VXLAN packet arrives at ${where}`;
  const answers = values[from].get('underlay_ping') === '0';
  return {
    layer: answers ? 'encapsulation' : 'underlay',
    message: `${what}: ${silence}, ${answers ? `though ${far.address} answers` : `and ${far.address} does not answer`} on the underlay`,
    hint: `Is UDP ${tunnel.dstport} open both ways between ${near.address} and ${far.address}? Has the other end VNI ${tunnel.vni} on the same port?`,
  };
}

function diagnosePeer(tunnel: TunnelPlan, what: string, values: Values): Diagnosis {
  if (/"state":\["(FAILED|INCOMPLETE)"\]/.test(values.get('neighbours') ?? '')) {
    return {
      layer: 'neighbour',
      message: `${what}: no neighbour advertisement comes back through ${tunnel.interface}`,
      hint: `Look at both ends: ip -6 neigh show dev ${tunnel.interface}; ip -d link show dev ${tunnel.interface}.`,
    };
  }
  return {
    layer: 'peer',
    message: what,
    hint: `Look at both ends: ip -6 addr show dev ${tunnel.interface}, and at filters for ICMPv6.`,
  };
}
