import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Admit } from '../../src/change/change.js';
import { Brakes, type BrakeOptions } from '../../src/jobs/brakes.js';
import { asPlanned, type FleetRunOptions, type Planned, runFleet } from '../../src/jobs/run-fleet.js';
import { skippedResult, untouchedResult } from '../../src/change/tunnel-result.js';
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
  /** Names in the order in which they were touched. */
  readonly touched: readonly string[];
  /** The most that were at work at once. */
  readonly atOnce: number;
  readonly events: readonly RunEvent[];
}

type Options = Partial<FleetRunOptions & Omit<BrakeOptions, 'emit'>>;

/** What becomes of a tunnel that is looked at and not touched. */
const LOOKED_AT: readonly TunnelStatus[] = ['unchanged', 'would_change', 'unreachable'];

/** Runs a fleet in which every tunnel comes to the status given for it. */
async function run(
  statuses: readonly TunnelStatus[],
  { canary = 0, maxFail, signal = new AbortController().signal, ...options }: Options = {},
  onTouch: (tunnel: TunnelPlan) => void = () => {},
): Promise<Outcome> {
  const started: string[] = [];
  const touched: string[] = [];
  const events: RunEvent[] = [];
  const emit = options.emit ?? ((event: RunEvent): void => void events.push(event));
  let working = 0;
  let atOnce = 0;
  const work = async ({ plan: tunnel }: Planned, admit: Admit): Promise<TunnelResult> => {
    started.push(tunnel.spoke);
    atOnce = Math.max(atOnce, ++working);
    await new Promise(setImmediate);
    const status = statuses[tunnel.id - 1] ?? 'changed';
    const reason = LOOKED_AT.includes(status) ? null : await admit();
    if (reason === null && !LOOKED_AT.includes(status)) {
      touched.push(tunnel.spoke);
      onTouch(tunnel);
      await new Promise(setImmediate);
    }
    working--;
    return reason === null ? untouchedResult(tunnel, status, null) : skippedResult(tunnel, reason);
  };
  const brakes = new Brakes({ canary, maxFail, signal, emit });
  const results = await runFleet(asPlanned(fleetOf(statuses.length)), work, { forks: 4, ...options, brakes, emit });
  const byId = [...results].sort((left, right) => left.id - right.id);
  return { results, statuses: byId.map(({ status }) => status), started, touched, atOnce, events };
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
          const isTouched = (id: number): boolean => outcome.touched.includes(`s${id}`);
          for (const { id, status: became } of outcome.results)
            expect(became === 'skipped' && isTouched(id)).toBe(false);
        },
      ),
    );
  });

  it('that is over before a tunnel is begun skips it with what would be worked on beside it', async () => {
    const [old, plan] = fleetOf(2);
    if (old === undefined || plan === undefined) throw new Error('both are planned');
    const emit = (): void => {};
    const brakes = new Brakes({ canary: 0, maxFail: undefined, signal: AbortSignal.abort(), emit });
    const results = await runFleet([{ plan, beside: [old] }], async () => [], { forks: 1, brakes, emit });
    expect(results.map(({ id, status }) => [id, status])).toEqual([
      [1, 'skipped'],
      [2, 'skipped'],
    ]);
  });

  it('goes on with the others when one fails', async () => {
    const outcome = await run(['changed', 'failed', 'changed', 'unknown', 'changed']);
    expect(outcome.statuses).toEqual(['changed', 'failed', 'changed', 'unknown', 'changed']);
    expect(notices(outcome)).toEqual([]);
  });

  it('has a result and an event also for what was in the way of a tunnel', async () => {
    const events: RunEvent[] = [];
    const emit = (event: RunEvent): void => void events.push(event);
    const brakes = new Brakes({ canary: 0, maxFail: undefined, signal: new AbortController().signal, emit });
    const work = async ({ plan: tunnel }: Planned, admit: Admit): Promise<TunnelResult[]> => {
      expect([await admit(), await admit()]).toEqual([null, null]);
      return [untouchedResult({ ...tunnel, id: 99 }, 'removed', null), untouchedResult(tunnel, 'changed', null)];
    };
    const results = await runFleet(asPlanned(fleetOf(2)), work, { forks: 2, brakes, emit });
    expect(results.map(({ id }) => id)).toEqual([99, 1, 99, 2]);
    expect(events).toHaveLength(4);
  });

  it('of no tunnels is empty', async () => {
    expect((await run([], { canary: 3 })).results).toEqual([]);
  });
});

describe('canaries', () => {
  it('are changed before any other tunnel is touched', async () => {
    const seen: RunEvent[] = [];
    let doneWhenThirdWasTouched = -1;
    const { touched } = await run(
      all(6, 'changed'),
      { canary: 2, emit: (event) => seen.push(event) },
      ({ spoke: name }) => {
        if (name === 's3') doneWhenThirdWasTouched = seen.filter(({ event }) => event === 'tunnel').length;
      },
    );
    expect(touched.slice(0, 2)).toEqual(['s1', 's2']);
    expect(doneWhenThirdWasTouched).toBe(2);
  });

  it('are the first that have to change: all the others are looked at meanwhile, not one after the other', async () => {
    const outcome = await run([...all(40, 'unchanged'), 'changed', 'changed'], { canary: 1, forks: 8 });
    expect(outcome.atOnce).toBe(8);
    expect(outcome.touched).toEqual(['s41', 's42']);
    expect((await run(all(12, 'would_change'), { canary: 1 })).atOnce).toBe(4);
  });

  it.each(['failed', 'reverted', 'unknown'] as const)(
    'of which one is %s keep the rest from being touched',
    async (status) => {
      const outcome = await run([status, 'changed', 'changed', 'changed', 'unchanged'], { canary: 2 });
      expect(outcome.statuses).toEqual([status, 'changed', 'skipped', 'skipped', 'skipped']);
      expect(notices(outcome)).toEqual(['stopped: a canary failed']);
      expect(outcome.results.find(({ id }) => id === 4)?.error).toMatchObject({
        code: 'interrupted',
        message: 'stopped: a canary failed',
      });
    },
  );

  it('are none of the spokes that cannot be reached', async () => {
    const outcome = await run(['unreachable', 'changed', 'unreachable', 'changed'], { canary: 1, forks: 1 });
    expect(outcome.statuses).toEqual(['unreachable', 'changed', 'unreachable', 'changed']);
    expect(notices(outcome)).toEqual([]);
  });

  it('that are more than the fleet are the fleet', async () => {
    expect((await run(all(3, 'changed'), { canary: 10 })).statuses).toEqual(all(3, 'changed'));
  });
});

describe('a run without --max-fail', () => {
  it('touches no more than ten tunnels when all of them fail', async () => {
    const outcome = await run(all(40, 'reverted'), { forks: 32 });
    expect(outcome.touched).toHaveLength(10);
    expect(outcome.statuses.filter((status) => status === 'skipped')).toHaveLength(30);
    expect(notices(outcome)).toEqual([
      'stopped: the first 10 tunnels that were tried all failed (--max-fail sets another limit)',
    ]);
  });

  it('goes on when one of them does not, or when it is told so', async () => {
    const one = [...all(9, 'reverted'), ...all(30, 'changed')] as const;
    expect((await run(one, { forks: 32 })).touched).toHaveLength(39);
    expect((await run(all(40, 'reverted'), { forks: 32, maxFail: Infinity })).touched).toHaveLength(40);
  });
});

describe('--max-fail', () => {
  it('starts no more once more than so many have failed', async () => {
    const outcome = await run(['failed', 'changed', 'reverted', 'changed', 'changed'], { forks: 1, maxFail: 1 });
    expect(outcome.statuses).toEqual(['failed', 'changed', 'reverted', 'skipped', 'skipped']);
    expect(notices(outcome)).toEqual(['stopped: 2 failed, more than --max-fail allows']);
  });

  it('counts no spoke that cannot be reached', async () => {
    const outcome = await run([...all(5, 'unreachable'), 'changed'], { forks: 1, maxFail: 0 });
    expect(outcome.statuses).toEqual([...all(5, 'unreachable'), 'changed']);
  });

  it('of 0 stops at the first failure, and lets what runs end', async () => {
    const outcome = await run(['failed', ...all(5, 'changed')], { forks: 2, maxFail: 0 });
    expect(outcome.touched).toEqual(['s1', 's2']);
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

it('makes what work throws the failure of its tunnel, and goes on with the others', async () => {
  const results = await runFleet(
    asPlanned(fleetOf(3)),
    async ({ plan }) => {
      if (plan.id === 2) throw new TypeError('a bug');
      return untouchedResult(plan, 'unchanged', null);
    },
    {
      forks: 2,
      brakes: new Brakes({ canary: 0, maxFail: 9, signal: new AbortController().signal, emit: () => {} }),
      emit: () => {},
    },
  );
  expect(results.map(({ spoke: name, status, error }) => [name, status, error?.code])).toEqual([
    ['s1', 'unchanged', undefined],
    ['s2', 'failed', 'internal'],
    ['s3', 'unchanged', undefined],
  ]);
});
