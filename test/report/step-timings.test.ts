import { describe, expect, it } from 'vitest';
import type { Recap, RunEvent, Step } from '../../src/events.js';
import { formatTimings } from '../../src/report/format-timings.js';
import { withTimings } from '../../src/report/step-timings.js';
import { untouchedResult } from '../../src/change/tunnel-result.js';
import { samplePlan } from '../verify/fleet-plan.js';

const RECAP = { event: 'recap' } as Recap;
const step = (spoke: string, name: Step): RunEvent => ({ event: 'step', spoke, interface: 'vxlan01', step: name });
const done = (spoke: string): RunEvent => ({
  event: 'tunnel',
  ...untouchedResult(samplePlan().tunnel, 'unchanged', null),
  spoke,
});

function tell(events: readonly (readonly [at: number, event: RunEvent])[]): RunEvent[] {
  const told: RunEvent[] = [];
  let at = 0;
  const emit = withTimings(
    (event) => told.push(event),
    () => at,
  );
  for (const [time, event] of events) {
    at = time;
    emit(event);
  }
  return told;
}

describe('the timings of a run', () => {
  it('stand right before the recap, a step each in the order of the steps, of those that were taken', () => {
    const told = tell([
      [0, step('a', 'connect')],
      [100, step('a', 'inspect')],
      [100, step('b', 'connect')],
      [130, done('a')],
      [400, step('b', 'inspect')],
      [500, done('b')],
      [900, RECAP],
    ]);
    expect(told.slice(-2)).toEqual([
      {
        event: 'timings',
        steps: [
          { step: 'connect', tunnels: 2, median_ms: 100, p95_ms: 300, slowest_ms: 300, slowest: 'b' },
          { step: 'inspect', tunnels: 2, median_ms: 30, p95_ms: 100, slowest_ms: 100, slowest: 'b' },
        ],
      },
      RECAP,
    ]);
    expect(told).toHaveLength(8);
  });

  it('are measured values: of a hundred, the fiftieth and the ninety-fifth', () => {
    const events = Array.from({ length: 100 }, (_, index) => [
      [index * 1000, step(`s${index}`, 'trial')] as const,
      [index * 1000 + index + 1, done(`s${index}`)] as const,
    ]).flat();
    expect(tell([...events, [1e6, RECAP]]).at(-2)).toEqual({
      event: 'timings',
      steps: [{ step: 'trial', tunnels: 100, median_ms: 50, p95_ms: 95, slowest_ms: 100, slowest: 's99' }],
    });
  });

  it('are none of a run that took no step', () => {
    expect(tell([[0, RECAP]]).at(-2)).toEqual({ event: 'timings', steps: [] });
  });

  it('are a table for people', () => {
    const steps = [
      { step: 'connect', tunnels: 255, median_ms: 310, p95_ms: 1210, slowest_ms: 1490, slowest: 'osaka' },
      { step: 'trial', tunnels: 8, median_ms: 84, p95_ms: 120, slowest_ms: 131, slowest: 'tokyo' },
    ] as const;
    expect(formatTimings(steps)).toBe(`
step     tunnels  median     p95  slowest
connect      255  310 ms   1.2 s    1.5 s  osaka
trial          8   84 ms  120 ms   131 ms  tokyo

`);
  });
});
