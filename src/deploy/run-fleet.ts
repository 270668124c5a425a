/**
 * The fleet's run: a worker takes one tunnel through all its steps, then the next. One tunnel's failure leaves the others alone;
 * canary, max-fail and an interrupt only keep new ones from being started.
 */
import pLimit from 'p-limit';
import type { Emit, TunnelResult, TunnelStatus } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';

export interface FleetRunOptions {
  /** Tunnels worked on at once. */
  readonly forks: number;
  /** That many must be changed and confirmed before the rest start; 0 = none. */
  readonly canary: number;
  /** Start no more once more than this many have failed; Infinity = never stop. */
  readonly maxFail: number;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

const FAILURES: readonly TunnelStatus[] = ['failed', 'reverted', 'unreachable', 'unknown'];

/** @param work must not reject: what happens to a tunnel is its result. */
export async function runFleet(
  tunnels: readonly TunnelPlan[],
  work: (tunnel: TunnelPlan) => Promise<TunnelResult>,
  options: FleetRunOptions,
): Promise<TunnelResult[]> {
  const results: TunnelResult[] = [];
  let stopped: string | null = null;

  const take = async (tunnel: TunnelPlan): Promise<void> => {
    if (options.signal.aborted) stopped ??= 'the run was interrupted';
    const result = stopped === null ? await work(tunnel) : skippedResult(tunnel, stopped);
    results.push(result);
    options.emit({ event: 'tunnel', ...result });
    const failures = count(results, FAILURES);
    if (stopped === null && failures > options.maxFail) {
      stopped = `stopped: ${failures} failed, more than --max-fail allows`;
      options.emit({ event: 'notice', level: 'warning', message: stopped });
    }
  };

  const queue = [...tunnels];
  const limit = pLimit(options.forks);
  const takeAll = async (wave: readonly TunnelPlan[]): Promise<void> => {
    await Promise.all(wave.map((tunnel) => limit(take, tunnel)));
  };

  // The canaries: as many at a time as are still missing, until enough are confirmed. Unchanged ones prove nothing.
  while (stopped === null && queue.length > 0) {
    const missing = options.canary - count(results, ['changed', 'rolled_back', 'removed']);
    if (missing <= 0) break;
    await takeAll(queue.splice(0, missing));
    if (stopped === null && count(results, FAILURES) > 0) {
      stopped = 'stopped: a canary failed';
      options.emit({ event: 'notice', level: 'warning', message: stopped });
    }
  }
  await takeAll(queue);
  return results;
}

const count = (results: readonly TunnelResult[], statuses: readonly TunnelStatus[]): number =>
  results.filter((result) => statuses.includes(result.status)).length;

function skippedResult(tunnel: TunnelPlan, message: string): TunnelResult {
  return {
    spoke: tunnel.spoke,
    interface: tunnel.interface,
    id: tunnel.id,
    status: 'skipped',
    ends: { hub: 'untouched', spoke: 'untouched' },
    down_ms: null,
    put_back: null,
    checks: [],
    transit: null,
    error: { code: 'interrupted', end: null, layer: null, message, hint: null },
  };
}
