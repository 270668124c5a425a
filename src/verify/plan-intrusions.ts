/** Which packets must not pass a tunnel's end, and what counts them there. Pure. */
import type { Intrusion } from '../events.js';
import { filterNames } from '../plan/filter.js';
import type { End, FleetPlan, TunnelPlan } from '../plan/plan.js';

/** What an end sends to the other one, whose filter has to drop it. */
export interface PlannedIntrusion {
  readonly from: End;
  readonly kind: Intrusion['kind'];
  /** As the host program's `intrude` takes it. */
  readonly line: string;
  /** Of the other end's filter. */
  readonly counter: string;
}

/** More than one, since one may be lost on the way. */
export const PACKETS_EACH = 3;

const VNIS = 2 ** 24;

/** None where there is no filter. */
export function planIntrusions(fleet: FleetPlan, tunnel: TunnelPlan): PlannedIntrusion[] {
  if (!tunnel.filter) return [];
  const { interface: link, hubUnderlay, spokeUnderlay, hubMac, spokeMac, hubAddress, spokeAddress48 } = tunnel;
  const sibling = siblingOf(fleet, tunnel);
  const vni = sibling?.vni ?? (tunnel.vni + 1) % VNIS;
  const ends = {
    hub: { local: hubUnderlay.local, remote: spokeUnderlay.address, to: spokeMac, own: hubMac },
    spoke: { local: spokeUnderlay.local, remote: hubUnderlay.address, to: hubMac, own: spokeMac },
  };
  const line = (from: End, ofVni: number, source: string, target: string): string => {
    const { local, remote, to, own } = ends[from];
    const { low } = tunnel.srcport;
    return `send ${local} ${low} ${remote} ${tunnel.dstport} ${ofVni} ${PACKETS_EACH} ${to} ${own} ${source} ${target}`;
  };
  const spoofed = sibling?.spokeAddress48 ?? hubAddress;
  return [
    {
      from: 'spoke',
      kind: 'vni',
      line: line('spoke', vni, spokeAddress48, hubAddress),
      counter: filterNames(tunnel, 'hub').peer,
    },
    { from: 'spoke', kind: 'source', line: line('spoke', tunnel.vni, spoofed, hubAddress), counter: `${link}_in` },
    {
      from: 'hub',
      kind: 'vni',
      line: line('hub', vni, hubAddress, spokeAddress48),
      counter: filterNames(tunnel, 'spoke').peer,
    },
    {
      from: 'hub',
      kind: 'source',
      line: line('hub', tunnel.vni, spokeAddress48, spokeAddress48),
      counter: `${link}_in`,
    },
  ];
}

/** The next one by id, at the same port: what a filter that knows VNIs but not whose they are would let in. */
function siblingOf({ tunnels }: FleetPlan, { id, dstport, spokeUnderlay }: TunnelPlan): TunnelPlan | undefined {
  const others = tunnels.filter(
    (one) => one.id !== id && one.dstport === dstport && one.spokeUnderlay.address !== spokeUnderlay.address,
  );
  return others.find((one) => one.id > id) ?? others[0];
}
