import { describe, expect, it } from 'vitest';
import { countDrops, proveClosed } from '../../src/change/prove-closed.js';
import { proveTunnel } from '../../src/change/prove-tunnel.js';
import type { Pair } from '../../src/change/tunnel.js';
import { countersOf, FakeFleet, type FakeHost } from './fake-fleet.js';

/** Both ends run the plan, and have a filter. */
async function filtered(): Promise<{ fleet: FakeFleet; pair: Pair }> {
  const fleet = new FakeFleet('new');
  const pair = await fleet.tunnel();
  return { fleet, pair: { ...pair, plan: { ...pair.plan, filter: true } } };
}

const prove = async (pair: Pair) => proveClosed(pair, await countDrops(pair));
const intrusions = ({ log }: FakeFleet): string[] => log.filter((line) => line.endsWith('intrude'));

describe('a tunnel', () => {
  it('is closed when each end has dropped what the other one sent', async () => {
    const { fleet, pair } = await filtered();
    const { failure, intrusions: sent } = await prove(pair);
    expect(failure).toBeNull();
    expect(sent).toEqual(
      ['spoke', 'spoke', 'hub', 'hub'].map((from, index) => ({
        from,
        kind: index % 2 === 0 ? 'vni' : 'source',
        sent: 3,
        dropped: 3,
      })),
    );
    expect(intrusions(fleet)).toEqual(['hub intrude', 'spoke intrude', 'hub intrude', 'spoke intrude']);
  });

  it('is open when a filter has not counted them, however often they are sent', async () => {
    const { fleet, pair } = await filtered();
    fleet.hub.twists.set('intrude', (host) => ({ values: { counters: countersOf(host.payload, 3) } }));
    const { failure, intrusions: sent } = await prove(pair);
    expect(failure).toMatchObject({ code: 'verify', end: 'hub', layer: 'filter' });
    expect(sent.map(({ from, dropped }) => [from, dropped])).toEqual([
      ['spoke', 0],
      ['spoke', 0],
      ['hub', 3],
      ['hub', 3],
    ]);
    expect(intrusions(fleet)).toHaveLength(2 * 4);
  });

  it('is closed when what got lost the first time is dropped the second', async () => {
    const { fleet, pair } = await filtered();
    const missing = [0, 2, 0];
    const lose = (host: FakeHost) => ({ values: { counters: countersOf(host.payload, missing.shift() ?? 0) } });
    fleet.spoke.twists.set('intrude', lose);
    expect((await prove(pair)).failure).toBeNull();
    // Nothing is sent again that was dropped.
    expect(fleet.spoke.payload).not.toContain('send ');
    expect(fleet.hub.payload.match(/^send /gm)).toHaveLength(2);
  });

  it('is not said to be closed by counters that are not there', async () => {
    const { fleet, pair } = await filtered();
    fleet.spoke.twists.set('intrude', () => ({ values: { counters: '' } }));
    expect((await prove(pair)).failure).toMatchObject({ end: 'spoke', layer: 'filter' });
  });

  it('without a filter is not asked', async () => {
    const { fleet, pair } = await filtered();
    expect(await prove({ ...pair, plan: { ...pair.plan, filter: false } })).toEqual({ intrusions: [], failure: null });
    expect(intrusions(fleet)).toEqual([]);
  });

  it('that answers and is open is not proven', async () => {
    const { fleet, pair } = await filtered();
    fleet.hub.twists.set('intrude', (host) => ({ values: { counters: countersOf(host.payload, 1) } }));
    const proof = await proveTunnel(pair, 1);
    expect(proof.checks.every(({ ok }) => ok)).toBe(true);
    expect(proof.failure).toMatchObject({ layer: 'filter', message: expect.stringMatching(/dropped 2/) as string });
    expect(pair.proven.size).toBe(0);
  });

  it('can be asked by others as soon as it answers: they need not wait until it is known to be closed', async () => {
    const { fleet, pair } = await filtered();
    const partners: number[] = [];
    fleet.hub.twists.set('intrude', () => {
      partners.push(pair.proven.size);
      return undefined;
    });
    expect((await proveTunnel(pair, 1)).failure).toBeNull();
    expect(partners).toEqual([0, 1]);
    expect(pair.proven.size).toBe(1);
  });
});
