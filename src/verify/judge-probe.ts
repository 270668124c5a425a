/** What the host program's `probe` answered → checks, and for the first that failed: which layer, and what to look at. Pure. */
import type { Check, Layer } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';
import type { PlannedCheck } from './plan-checks.js';

/** A failed check with its diagnosis. */
export interface Diagnosis {
  readonly layer: Layer;
  readonly message: string;
  readonly hint: string;
}

type Values = ReadonlyMap<string, string>;

/** Pairs the planned checks of one end with the answers; a check without an answer failed. */
export function judgePings(planned: readonly PlannedCheck[], values: Values): Check[] {
  const answers = new Map(
    (values.get('pings') ?? '').split('\n').flatMap((line) => {
      const match = /^(\S+) (\d+) (.*)$/.exec(line);
      return match === null ? [] : [[match[1] ?? '', { ok: match[2] === '0', text: match[3] ?? '' }] as const];
    }),
  );
  return planned.map(({ key, from, source, target, prefix, bytes }) => {
    const answer = answers.get(key);
    const ok = answer?.ok === true;
    // The summary line of iputils: rtt min/avg/max/mdev = 0.061/0.061/0.061/0.000 ms
    const rtt = /= [\d.]+\/([\d.]+)\//.exec(answer?.text ?? '')?.[1];
    return { from, source, target, prefix, ok, rtt_ms: ok && rtt !== undefined ? Number(rtt) : null, bytes };
  });
}

/** The first failing layer under a failed check, in the order of field-notes 3.3. */
export function diagnose(tunnel: TunnelPlan, failed: Check, values: Values): Diagnosis {
  const { hub, spoke } = { hub: tunnel.hubUnderlay, spoke: tunnel.spokeUnderlay };
  const near = failed.from === 'hub' ? hub : spoke;
  const far = failed.from === 'hub' ? spoke : hub;
  const what = `${failed.target} (${failed.prefix}) does not answer from ${failed.source}`;
  const small = (values.get('small') ?? '').split(' ').includes(`${failed.source}>${failed.target}`);
  if (small) {
    return {
      layer: 'mtu',
      message: `${failed.target} answers small packets but none of ${failed.bytes} bytes`,
      hint: `The underlay between ${hub.address} and ${spoke.address} loses full-size packets: set a smaller vxlan.mtu for ${tunnel.spoke}.`,
    };
  }
  if (failed.prefix === 'anchor') {
    return {
      layer: 'anchor',
      message: `the anchor ${failed.target} does not answer from ${failed.source}`,
      hint: `The tunnel works as far as the hub: look at the hub's upstream, its filters, and whether ${tunnel.prefix} is routed to it.`,
    };
  }
  if (failed.prefix !== '/80') {
    return {
      layer: failed.prefix,
      message: what,
      hint: `The /80 and this end are checked before: look at the route to ${failed.prefix === '/64' ? tunnel.prefix64 : tunnel.prefix48} on the hub (ip -6 route get ${failed.target}) and at filters on both ends.`,
    };
  }
  const device = /"dev":"([^"]+)"/.exec(values.get('underlay_route') ?? '')?.[1];
  if (device !== undefined && device !== near.device) {
    return {
      layer: 'underlay',
      message: `${what}: the way to ${far.address} leaves by ${device}, not by ${near.device}`,
      hint: `Look at: ip route get ${far.address}; correct underlay.device or the route.`,
    };
  }
  const received = /"rx":\{"bytes":\d+,"packets":(\d+)/.exec(values.get('counters') ?? '')?.[1];
  if (received === '0') {
    const underlay =
      values.get('underlay_ping') === '0'
        ? `${far.address} answers on the underlay, but no VXLAN packet has come back`
        : `neither a VXLAN packet nor a ping of ${far.address} has come back`;
    return {
      layer: values.get('underlay_ping') === '0' ? 'encapsulation' : 'underlay',
      message: `${what}: ${underlay}`,
      hint: `Is UDP ${tunnel.dstport} open both ways between ${hub.address} and ${spoke.address}? Has the other end VNI ${tunnel.vni} on the same port?`,
    };
  }
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
