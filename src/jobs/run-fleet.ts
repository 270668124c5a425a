/** The fleet's run: a worker takes one tunnel through all its steps, then the next. One tunnel's failure leaves the others alone. */
import pLimit from 'p-limit';
import type { Emit, TunnelResult } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';
import type { Brakes } from './brakes.js';
import type { Admit } from '../change/change.js';
import { skippedResult, thrownResult } from '../change/tunnel-result.js';

export interface FleetRunOptions {
  /** Tunnels worked on at once. */
  readonly forks: number;
  readonly brakes: Brakes;
  readonly emit: Emit;
}

/** What a run is about, tunnel by tunnel. */
export interface Planned {
  readonly plan: TunnelPlan;
  /** Others that are worked on with it, and are no items of their own. */
  readonly beside?: readonly TunnelPlan[];
}

export const asPlanned = (tunnels: readonly TunnelPlan[]): Planned[] => tunnels.map((plan) => ({ plan }));

/** @param work what happens to a tunnel, and to what is in its way, are its results. Looking at a tunnel needs no admission */
export async function runFleet<T extends Planned>(
  tunnels: readonly T[],
  work: (tunnel: T, admit: Admit) => Promise<TunnelResult | readonly TunnelResult[]>,
  { forks, brakes, emit }: FleetRunOptions,
): Promise<TunnelResult[]> {
  const results: TunnelResult[] = [];
  const isDecided = tunnels.map(makeGate);
  const take = async (tunnel: T, index: number): Promise<void> => {
    let admitted = 0;
    const planned = [...(tunnel.beside ?? []), tunnel.plan];
    const admit = async (): Promise<string | null> => {
      if (brakes.isOrdered) await Promise.all(isDecided.slice(0, index).map(({ opened }) => opened));
      // Before the answer, for which whoever comes later may have to wait too.
      isDecided[index]?.open();
      const reason = await brakes.admit();
      if (reason === null) admitted++;
      return reason;
    };
    const { stopped } = brakes;
    const thrown = (error: unknown): TunnelResult[] => planned.map((plan) => thrownResult(plan, error));
    const skipped = (reason: string): TunnelResult[] => planned.map((plan) => skippedResult(plan, reason));
    const ended = [stopped === null ? await work(tunnel, admit).catch(thrown) : skipped(stopped)].flat();
    results.push(...ended);
    for (const result of ended) emit({ event: 'tunnel', ...result });
    brakes.record(ended, admitted);
    isDecided[index]?.open();
  };
  const limit = pLimit(forks);
  await Promise.all(tunnels.map((tunnel, index) => limit(take, tunnel, index)));
  return results;
}

function makeGate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
