/** What only the two ends together can say. */
import type { HostFacts } from '../host/host-facts.js';
import { ENDS, type End, type TunnelPlan } from '../plan/plan.js';
import { expectEnd } from '../verify/expect-end.js';
import { refuse, type Refusal } from './scene.js';

/** Their MTUs would differ. */
export function refuseMtus(tunnel: TunnelPlan, { hub, spoke }: Readonly<Record<End, number>>): Refusal | undefined {
  return hub === spoke
    ? undefined
    : refuse(
        'params',
        `the two ends would have different MTUs: hub ${hub}, spoke ${spoke} (their underlay devices differ)`,
        `Set vxlan.mtu: ${Math.min(hub, spoke)} for ${tunnel.spoke}.`,
      );
}

/**
 * A change of one end alone cannot work when the other end, which stays as it is, runs something else.
 * @param changing the ends that are to be changed
 * @param mtu that the new end has
 */
export function refuseOneEnd(
  tunnel: TunnelPlan,
  changing: readonly End[],
  facts: Readonly<Record<End, HostFacts>>,
  mtu: number,
): Refusal | undefined {
  const other = ENDS.find((end) => !changing.includes(end));
  if (changing.length === 0 || other === undefined) return undefined;
  const name = tunnel.interface;
  const link = facts[other].links.get(name);
  const host = other === 'hub' ? 'the hub' : tunnel.spoke;
  const cure = `vxfleet deploy ${tunnel.spoke} changes both ends together.`;
  if (link === undefined) return refuse('params', `${host} has no ${name}, and would not be given one`, cure);
  const { link: expected, addresses } = expectEnd({ ...tunnel, mtu }, other, 0);
  const pairs = [
    ['vni', link.vni, expected.vni],
    ['dstport', link.dstport, expected.dstport],
    ['mtu', link.mtu, expected.mtu],
    ['local', link.local, expected.local],
    ['remote', link.remote, expected.remote],
    [
      'address',
      addresses[0],
      link.addresses.map((one) => `${one.address}/${one.length}`).find((one) => one === addresses[0]),
    ],
  ] as const;
  const differing = pairs
    .filter(([, has, wants]) => has !== wants)
    .map(([key, has, wants]) =>
      key === 'address'
        ? `has no address ${String(has)}`
        : `has ${key} ${String(has ?? 'unset')} and not ${String(wants)}`,
    );
  return differing.length === 0
    ? undefined
    : refuse(
        'params',
        `${name} at ${host}, which would stay as it is, ${differing.join(', ')}: the two ends would not fit`,
        cure,
      );
}
