import { describe, expect, it } from 'vitest';
import { planIntrusions } from '../../src/verify/plan-intrusions.js';
import { samplePlan } from './fleet-plan.js';

const { fleet, tunnel } = samplePlan();
const filtered = { ...tunnel, filter: true };
const sibling = { ...filtered, id: tunnel.id + 1, vni: 77, spokeAddress48: '2001:db8:ae77::1' };
const elsewhere = { ...sibling.spokeUnderlay, address: '203.0.113.99', local: '203.0.113.99' };
const fleetOf = (...others: (typeof tunnel)[]) => ({ ...fleet, tunnels: [filtered, ...others] });

describe('what must not pass', () => {
  it('is from both ends a frame of the next tunnel, and a packet of another site', () => {
    const planned = planIntrusions(fleetOf({ ...sibling, spokeUnderlay: elsewhere }), filtered);
    const [ofSpoke, spoofedBySpoke, ofHub, spoofedByHub] = planned.map(({ line }) => line);
    const { hubUnderlay, spokeUnderlay, hubMac, spokeMac, srcport, dstport } = tunnel;
    const fromSpoke = `send ${spokeUnderlay.local} ${srcport.low} ${hubUnderlay.address} ${dstport}`;
    const fromHub = `send ${hubUnderlay.local} ${srcport.low} ${spokeUnderlay.address} ${dstport}`;
    const { hubAddress, spokeAddress48 } = tunnel;
    expect(ofSpoke).toBe(`${fromSpoke} 77 3 ${hubMac} ${spokeMac} ${spokeAddress48} ${hubAddress}`);
    expect(spoofedBySpoke).toBe(`${fromSpoke} ${tunnel.vni} 3 ${hubMac} ${spokeMac} 2001:db8:ae77::1 ${hubAddress}`);
    expect(ofHub).toBe(`${fromHub} 77 3 ${spokeMac} ${hubMac} ${hubAddress} ${spokeAddress48}`);
    // The site's own addresses do not come from outside.
    expect(spoofedByHub).toBe(`${fromHub} ${tunnel.vni} 3 ${spokeMac} ${hubMac} ${spokeAddress48} ${spokeAddress48}`);
  });

  it('is another VNI where there is no other tunnel, or only one of the same site', () => {
    for (const fleet of [
      fleetOf(),
      fleetOf(sibling),
      fleetOf({ ...sibling, spokeUnderlay: elsewhere, dstport: 4790 }),
    ]) {
      const vnis = planIntrusions(fleet, filtered).map(({ line }) => Number(line.split(' ')[5]));
      expect(vnis).toEqual([tunnel.vni + 1, tunnel.vni, tunnel.vni + 1, tunnel.vni]);
    }
    const last = { ...filtered, vni: 2 ** 24 - 1 };
    expect(planIntrusions({ ...fleet, tunnels: [last] }, last)[0]?.line.split(' ')[5]).toBe('0');
  });

  it('is nothing where there is no filter', () => {
    expect(planIntrusions(fleet, { ...tunnel, filter: false })).toEqual([]);
  });
});
