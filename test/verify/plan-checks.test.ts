import { describe, expect, it } from 'vitest';
import { planChecks, probePayload, routeQuestions } from '../../src/verify/plan-checks.js';
import { samplePlan } from './fleet-plan.js';

const PEER = '2001:db8:ae00:0:a::2';
const HUB = '2001:db8:ae00:0:a::1';
const SPOKE_64 = '2001:db8:ae00:a::1';
const SPOKE_48 = '2001:db8:ae0a::1';
const ANCHOR = '2001:db8:beef::1';

const withAnchor = () => samplePlan({}, { anchor: ANCHOR });
const brief = ({ fleet, tunnel }: ReturnType<typeof samplePlan>, mtu: number) =>
  planChecks(fleet, tunnel, mtu).map((one) => [one.from, one.source, one.target, one.prefix, one.bytes]);

const OWN = [
  ['hub', HUB, PEER, '/80', 1450],
  ['hub', HUB, SPOKE_64, '/64', 1450],
  ['hub', HUB, SPOKE_48, '/48', 1450],
  ['spoke', PEER, HUB, '/80', 1450],
  ['spoke', SPOKE_64, HUB, '/64', 1450],
  ['spoke', SPOKE_48, HUB, '/48', 1450],
];

describe('the packets that prove a tunnel', () => {
  it('reach every prefix from the hub, and the hub from every prefix, at the full MTU', () => {
    expect(brief(samplePlan(), 1450)).toEqual(OWN);
  });

  it('reach the anchor from the /64 and the /48, at the size that every IPv6 path carries', () => {
    expect(brief(withAnchor(), 1450)).toEqual([
      ...OWN,
      ['spoke', SPOKE_64, ANCHOR, 'anchor', 1280],
      ['spoke', SPOKE_48, ANCHOR, 'anchor', 1280],
    ]);
  });

  it('have a key each', () => {
    const { fleet, tunnel } = withAnchor();
    const keys = planChecks(fleet, tunnel, 1450).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^\S+$/);
  });

  it('go to the host program as one line each', () => {
    const { fleet, tunnel } = samplePlan();
    const lines = probePayload(planChecks(fleet, tunnel, 1400).slice(0, 2));
    expect(lines).toBe(`${HUB}>${PEER} ${HUB} ${PEER} 1400\n${HUB}>${SPOKE_64} ${HUB} ${SPOKE_64} 1400\n`);
  });
});

describe('the routing questions', () => {
  it('ask for the way to the anchor from each of the spoke’s sources', () => {
    const { fleet, tunnel } = withAnchor();
    expect(routeQuestions(fleet, tunnel).map(({ source, target }) => [source, target])).toEqual([
      [PEER, ANCHOR],
      [SPOKE_64, ANCHOR],
      [SPOKE_48, ANCHOR],
    ]);
  });

  it('ask, without an anchor, for an address outside of the fleet', () => {
    const { fleet, tunnel } = samplePlan();
    for (const { target } of routeQuestions(fleet, tunnel)) expect(target).toBe('2000::1');
  });
});
