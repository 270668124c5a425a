/** Where the time goes: how long the tunnels of a run took for each step, by the events that say when a step begins. */
import type { Emit, Step, StepTiming } from '../events.js';

/** In the order in which a tunnel goes through them. */
const STEPS: readonly Step[] = ['connect', 'inspect', 'prepare', 'trial', 'verify', 'confirm', 'revert'];

/** @param now a clock in ms @returns an emit that passes everything on, and tells the timings right before the recap */
export function withTimings(emit: Emit, now: () => number = () => performance.now()): Emit {
  const current = new Map<string, { readonly step: Step; readonly since: number }>();
  const taken = new Map<Step, { readonly spoke: string; readonly ms: number }[]>();
  const end = (spoke: string): void => {
    const open = current.get(spoke);
    if (open === undefined) return;
    current.delete(spoke);
    const entry = { spoke, ms: now() - open.since };
    const others = taken.get(open.step);
    if (others === undefined) taken.set(open.step, [entry]);
    else others.push(entry);
  };
  return (event) => {
    if (event.event === 'step') {
      end(event.spoke);
      current.set(event.spoke, { step: event.step, since: now() });
    }
    if (event.event === 'tunnel') end(event.spoke);
    if (event.event === 'recap')
      emit({ event: 'timings', steps: STEPS.flatMap((step) => summary(step, taken.get(step) ?? [])) });
    emit(event);
  };
}

function summary(step: Step, entries: readonly { readonly spoke: string; readonly ms: number }[]): StepTiming[] {
  const sorted = entries.toSorted((a, b) => a.ms - b.ms);
  const slowest = sorted.at(-1);
  if (slowest === undefined) return [];
  // The nearest rank: a value that was measured.
  const rank = (share: number): number => Math.round(sorted[Math.ceil(share * sorted.length) - 1]?.ms ?? 0);
  return [
    {
      step,
      tunnels: sorted.length,
      median_ms: rank(0.5),
      p95_ms: rank(0.95),
      slowest_ms: Math.round(slowest.ms),
      slowest: slowest.spoke,
    },
  ];
}
