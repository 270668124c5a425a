import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FleetRunOptions, runFleet } from '../../src/deploy/run-fleet.js';
import { untouchedResult } from '../../src/deploy/tunnel-result.js';
import type { RunEvent, TunnelResult, TunnelStatus } from '../../src/events.js';
import { makePlan } from '../../src/plan/make-plan.js';
import type { TunnelPlan } from '../../src/plan/plan.js';
import { inventory, spoke } from '../render/fleet.js';

const fleetOf = (size: number): readonly TunnelPlan[] =>
  makePlan(
    inventory(
      '2001:db8:ae00::/40',
      Array.from({ length: size }, (_, index) => spoke(`s${index + 1}`, index + 1)),
    ),
  ).tunnels;

interface Outcome {
  readonly results: readonly TunnelResult[];
  readonly statuses: readonly TunnelStatus[];
  /** Names in the order in which their work began. */
  readonly started: readonly string[];
  /** The most that were at work at once. */
  readonly atOnce: number;
  readonly events: readonly RunEvent[];
}

/** Runs a fleet in which every tunnel comes to the status given for it. */
async function run(
  statuses: readonly TunnelStatus[],
  options: Partial<FleetRunOptions> = {},
  onWork: (tunnel: TunnelPlan) => void = () => {},
): Promise<Outcome> {
  const started: string[] = [];
  const events: RunEvent[] = [];
  let working = 0;
  let atOnce = 0;
  const work = async (tunnel: TunnelPlan): Promise<TunnelResult> => {
    started.push(tunnel.spoke);
    atOnce = Math.max(atOnce, ++working);
    onWork(tunnel);
    await new Promise(setImmediate);
    working--;
    return untouchedResult(tunnel, statuses[tunnel.id - 1] ?? 'changed', null);
  };
  const results = await runFleet(fleetOf(statuses.length), work, {
    forks: 4,
    canary: 0,
    maxFail: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    emit: (event) => events.push(event),
    ...options,
  });
  const byId = [...results].sort((left, right) => left.id - right.id);
  return { results, statuses: byId.map(({ status }) => status), started, atOnce, events };
}

const all = (size: number, status: TunnelStatus): TunnelStatus[] => Array<TunnelStatus>(size).fill(status);
const notices = ({ events }: Outcome): string[] =>
  events.flatMap((event) => (event.event === 'notice' ? [event.message] : []));

describe('a run', () => {
  it('works on as many tunnels at once as there are forks, and no more', async () => {
    expect((await run(all(12, 'changed'), { forks: 3 })).atOnce).toBe(3);
    expect((await run(all(4, 'changed'), { forks: 1 })).atOnce).toBe(1);
    expect((await run(all(2, 'changed'), { forks: 32 })).atOnce).toBe(2);
  });

  it('ends with one result and one event for every tunnel, whatever became of it', async () => {
    const status = fc.constantFrom<TunnelStatus>(
      'changed',
      'unchanged',
      'failed',
      'reverted',
      'unreachable',
      'unknown',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(status, { maxLength: 12 }),
        fc.record({ forks: fc.integer({ min: 1, max: 5 }), canary: fc.nat(4), maxFail: fc.nat(4) }),
        async (statuses, options) => {
          const outcome = await run(statuses, options);
          const ids = outcome.results.map(({ id }) => id).sort((a, b) => a - b);
          expect(ids).toEqual(statuses.map((_, index) => index + 1));
          const told = outcome.events.flatMap((event) => (event.event === 'tunnel' ? [event.id] : []));
          expect(told.sort((a, b) => a - b)).toEqual(ids);
          expect(new Set(outcome.started).size).toBe(outcome.started.length);
          expect(outcome.statuses.filter((one) => one === 'skipped')).toHaveLength(
            statuses.length - outcome.started.length,
          );
        },
      ),
    );
  });

  it('goes on with the others when one fails', async () => {
    const outcome = await run(['changed', 'failed', 'changed', 'unknown', 'changed']);
    expect(outcome.statuses).toEqual(['changed', 'failed', 'changed', 'unknown', 'changed']);
    expect(notices(outcome)).toEqual([]);
  });

  it('of no tunnels is empty', async () => {
    expect((await run([], { canary: 3 })).results).toEqual([]);
  });
});

describe('canaries', () => {
  it('are changed before any other tunnel starts', async () => {
    const outcome = await run(all(6, 'changed'), { canary: 2 });
    const order = outcome.events.flatMap((event) => (event.event === 'tunnel' ? [event.spoke] : []));
    expect(new Set(order.slice(0, 2))).toEqual(new Set(['s1', 's2']));
    const begun: string[] = [];
    let doneWhenThirdBegan = -1;
    const seen: RunEvent[] = [];
    await run(all(6, 'changed'), { canary: 2, emit: (event) => seen.push(event) }, ({ spoke: name }) => {
      begun.push(name);
      if (begun.length === 3) doneWhenThirdBegan = seen.filter(({ event }) => event === 'tunnel').length;
    });
    expect(doneWhenThirdBegan).toBe(2);
  });

  it('that are unchanged do not count: the next ones take their place, as many at a time as are missing', async () => {
    const events: RunEvent[] = [];
    const statuses: TunnelStatus[] = ['unchanged', 'unchanged', 'changed', 'changed', 'changed', 'changed'];
    const begun: number[] = [];
    await run(statuses, { canary: 1, emit: (event) => events.push(event) }, () => {
      begun.push(events.filter(({ event }) => event === 'tunnel').length);
    });
    expect(begun).toHaveLength(6);
    expect(begun.slice(0, 4)).toEqual([0, 1, 2, 3]);
  });

  it.each(['failed', 'reverted', 'unreachable', 'unknown'] as const)(
    'of which one is %s keep the rest from starting',
    async (status) => {
      const outcome = await run([status, 'changed', 'changed', 'changed'], { canary: 2 });
      expect(outcome.statuses).toEqual([status, 'changed', 'skipped', 'skipped']);
      expect(notices(outcome)).toEqual(['stopped: a canary failed']);
      expect(outcome.results.find(({ id }) => id === 4)?.error).toMatchObject({
        code: 'interrupted',
        message: 'stopped: a canary failed',
      });
    },
  );

  it('that are more than the fleet are the fleet', async () => {
    expect((await run(all(3, 'changed'), { canary: 10 })).statuses).toEqual(all(3, 'changed'));
  });
});

describe('--max-fail', () => {
  it('starts no more once more than so many have failed', async () => {
    const outcome = await run(['failed', 'changed', 'reverted', 'changed', 'changed'], { forks: 1, maxFail: 1 });
    expect(outcome.statuses).toEqual(['failed', 'changed', 'reverted', 'skipped', 'skipped']);
    expect(notices(outcome)).toEqual(['stopped: 2 failed, more than --max-fail allows']);
  });

  it('of 0 stops at the first failure, and lets what runs end', async () => {
    const outcome = await run(['failed', ...all(5, 'changed')], { forks: 2, maxFail: 0 });
    expect(outcome.started).toEqual(['s1', 's2']);
    expect(outcome.statuses).toEqual(['failed', 'changed', ...all(4, 'skipped')]);
  });

  it('that is not exceeded stops nothing', async () => {
    expect((await run(['failed', 'failed', 'changed'], { forks: 1, maxFail: 2 })).statuses).toEqual([
      'failed',
      'failed',
      'changed',
    ]);
  });

  it('is told once', async () => {
    expect(notices(await run(all(6, 'failed'), { forks: 6, maxFail: 0 }))).toHaveLength(1);
  });
});

describe('an interrupt', () => {
  it('starts no more and lets what runs end', async () => {
    const controller = new AbortController();
    const outcome = await run(all(5, 'changed'), { forks: 2, signal: controller.signal }, ({ id }) => {
      if (id === 2) controller.abort();
    });
    expect(outcome.statuses).toEqual(['changed', 'changed', 'skipped', 'skipped', 'skipped']);
    expect(outcome.results.find(({ id }) => id === 5)?.error).toMatchObject({
      code: 'interrupted',
      message: 'the run was interrupted',
    });
  });

  it('among the canaries keeps the rest from starting', async () => {
    const controller = new AbortController();
    const outcome = await run(all(4, 'changed'), { canary: 1, signal: controller.signal }, () => controller.abort());
    expect(outcome.statuses).toEqual(['changed', 'skipped', 'skipped', 'skipped']);
  });

  it('before the start skips everything', async () => {
    expect((await run(all(3, 'changed'), { signal: AbortSignal.abort() })).started).toEqual([]);
  });
});
