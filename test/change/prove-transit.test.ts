import { describe, expect, it } from 'vitest';
import { partnersOf, proveTransit } from '../../src/change/prove-transit.js';
import type { Pair } from '../../src/change/tunnel.js';
import type { TunnelEnd } from '../../src/change/tunnel-end.js';
import { makePlan } from '../../src/plan/make-plan.js';
import type { End, TunnelPlan } from '../../src/plan/plan.js';
import { expectEnd } from '../../src/verify/expect-end.js';
import { parseLinks } from '../../src/verify/kernel-state.js';
import { inventory, spoke } from '../render/fleet.js';
import { kernelAnswer } from '../verify/kernel-answer.js';
import { healthyFacts } from '../preflight/sample-facts.js';

const FLEET = makePlan(
  inventory(
    '2001:db8:ae00::/40',
    [1, 2, 3, 4, 5, 6].map((id) => spoke(`site${id}`, id)),
  ),
);
const planOf = (id: number): TunnelPlan => {
  const plan = FLEET.tunnels.find((tunnel) => tunnel.id === id);
  if (plan === undefined) throw new Error(`no tunnel ${id}`);
  return plan;
};

interface World {
  /** Tunnels that the hub has up. */
  readonly up?: readonly number[];
  readonly proven?: readonly number[];
  /** May this packet arrive? By who sends it and the id of the site that it is for; asked once for each packet. */
  readonly arrives: (from: End, id: number) => boolean;
}

/** The tunnel of site 3, and what was sent. */
function site3({ up = [], proven = [], arrives }: World): { tunnel: Pair; sent: string[] } {
  const sent: string[] = [];
  const probe =
    (from: End): TunnelEnd['probe'] =>
    async (planned) => ({
      checks: planned.map((check) => {
        const id = FLEET.tunnels.find(({ spokeAddress48 }) => spokeAddress48 === check.target)?.id ?? 0;
        sent.push(`${from} ${id}`);
        return { ...check, ok: arrives(from, id), rtt_ms: null };
      }),
      answeredAt: null,
      fragments: 0,
      values: new Map(),
    });
  const links = up.flatMap((id) => parseLinks(kernelAnswer(expectEnd(planOf(id), 'hub', 1500)).links));
  const facts = healthyFacts({ links: new Map(links.map((link) => [link.name, link])) });
  const end = (name: End) => ({ facts, probe: probe(name) }) as unknown as TunnelEnd;
  const tunnel: Pair = {
    fleet: FLEET,
    plan: planOf(3),
    proven: new Set(proven.map(planOf)),
    change: 'change-a',
    hub: end('hub'),
    spoke: end('spoke'),
    expects: 'plan',
  };
  return { tunnel, sent };
}

describe('the other site of a packet through the hub', () => {
  const idsOf = (world: Omit<World, 'arrives'>) =>
    partnersOf(site3({ ...world, arrives: () => true }).tunnel).map(({ id }) => id);

  it('is one that the run has proven, the last first', () => {
    expect(idsOf({ proven: [1, 3, 2], up: [5] })).toEqual([2, 1, 5]);
  });

  it('is else one that the hub has up, the next by id', () => {
    expect(idsOf({ up: [1, 2, 3, 4, 6] })).toEqual([4, 6, 1]);
  });

  it('is nobody in a fleet of one', () => {
    expect(idsOf({ up: [3] })).toEqual([]);
  });
});

describe('the proof that the hub forwards', () => {
  it('takes one packet', async () => {
    const { tunnel, sent } = site3({ proven: [1, 2], arrives: () => true });
    const { check, failure } = await proveTransit(tunnel);
    expect(failure).toBeNull();
    expect(check).toMatchObject({
      from: 'spoke',
      source: planOf(3).spokeAddress48,
      target: planOf(2).spokeAddress48,
      prefix: 'transit',
      ok: true,
    });
    expect(sent).toEqual(['spoke 2']);
  });

  it('passes over a site that the hub does not reach either', async () => {
    const { tunnel, sent } = site3({ up: [4, 5], arrives: (_, id) => id === 5 });
    expect(await proveTransit(tunnel)).toMatchObject({ check: { ok: true }, failure: null });
    expect(sent).toEqual(['spoke 4', 'hub 4', 'spoke 5']);
  });

  it('asks again: the other site may just have been bounced', async () => {
    let packets = 0;
    const { tunnel } = site3({ up: [4], arrives: () => (packets += 1) > 1 });
    expect(await proveTransit(tunnel)).toMatchObject({ check: { ok: true }, failure: null });
  });

  it('fails when the hub reaches both, and names them', async () => {
    const { tunnel, sent } = site3({ up: [4, 5], arrives: (from) => from === 'hub' });
    const { check, failure } = await proveTransit(tunnel);
    expect(check).toMatchObject({ ok: false, target: planOf(4).spokeAddress48 });
    expect(failure).toMatchObject({ code: 'verify', end: 'hub', layer: 'forwarding' });
    expect(failure?.message).toMatch(
      /^packets of site3 \(\S+\) do not arrive at site4 \(\S+\), though the hub reaches both$/,
    );
    expect(sent).toEqual(['spoke 4', 'hub 4', 'spoke 4', 'spoke 5', 'hub 5', 'spoke 5']);
  });

  it('says nothing when nobody can be asked', async () => {
    const { tunnel } = site3({ up: [4], arrives: () => false });
    expect(await proveTransit(tunnel)).toEqual({ check: null, failure: null });
  });
});
