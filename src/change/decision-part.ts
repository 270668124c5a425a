/** An end's part in the decision of a change, and what the hub needs to find out alone what the spoke did (docs/protocol.md). Pure. */
import { createHash } from 'node:crypto';
import type { TunnelPlan } from '../plan/plan.js';
import type { KernelLink } from '../verify/kernel-state.js';
import type { Baseline } from './baseline.js';
import type { Change } from './change.js';
import type { DecisionPart, TunnelEnd } from './tunnel-end.js';

export function decisionPartOf({ baseline, target: { tunnel, ends } }: Change, { end }: TunnelEnd): DecisionPart {
  const { plan, change, hub, spoke } = tunnel;
  const asks = baseline !== undefined && isCompatible(plan, baseline) ? 'compatible' : 'incompatible';
  const staysAtHub = typeof hub?.target.text === 'string';
  const oldPeer = baseline?.answered.find(({ from }) => from === 'hub')?.target ?? null;
  return {
    role: ends.length < 2 ? 'alone' : end === 'spoke' ? 'decides' : asks,
    marker: markerOf(change),
    newPeer: staysAtHub ? plan.spokeAddress80 : null,
    // A spoke that is taken away and a hub that is not: neither end could be asked, and silence would last for ever.
    oldPeer: staysAtHub && spoke?.target.text === null ? null : oldPeer,
  };
}

/**
 * Would an old end answer a new one? What a packet meets on its way decides it (VNI, port and underlay addresses, at both ends), and
 * whether the address that is asked is the same on the old end.
 */
function isCompatible(plan: TunnelPlan, { observed }: Baseline): boolean {
  const way = (link: KernelLink | undefined): string =>
    [link?.vni, link?.dstport, link?.local, link?.remote].map(String).join(' ');
  const { hubUnderlay: hub, spokeUnderlay: spoke, vni, dstport } = plan;
  return (
    way(observed.hub.link) === [vni, dstport, hub.address, spoke.address].join(' ') &&
    way(observed.spoke.link) === [vni, dstport, spoke.address, hub.address].join(' ') &&
    observed.spoke.link?.addresses.some(({ address }) => address === plan.spokeAddress80) === true
  );
}

/** The address that says "this change is confirmed": link-local, so that it goes nowhere else. */
function markerOf(change: string): string {
  const groups = createHash('sha256').update(change).digest('hex').slice(0, 16).match(/.{4}/g) ?? [];
  return `fe80::${groups.join(':')}`;
}
