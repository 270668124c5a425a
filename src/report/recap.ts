/** The run's result as one value: counts, exit code and every tunnel. */
import { BUG_EXIT_CODE } from '../errors.js';
import type { CommandName, Counts, EndedRecap, Recap, TunnelResult, TunnelStatus } from '../events.js';
import { STATUSES } from './status-text.js';

/** What besides the tunnels decides the exit code. */
export interface RunEnding {
  /** The run was interrupted (Ctrl-C); what was in trial has been unwound. */
  readonly interrupted: boolean;
  /** `diff --exit-code`: differences are an exit code of their own. */
  readonly exitCodeOnDifference: boolean;
}

/** Tunnels are listed in the order of their ids, in whatever order they ended. */
export function makeRecap(
  run: string,
  command: CommandName,
  results: readonly TunnelResult[],
  durationMs: number,
  ending: RunEnding,
): Recap {
  const counts = countStatuses(results);
  return {
    event: 'recap',
    run,
    command,
    exit_code: exitCodeOf(counts, command, {
      ...ending,
      hasBug: results.some(({ error }) => error?.code === 'internal'),
    }),
    duration_ms: Math.round(durationMs),
    counts,
    tunnels: [...results].sort((a, b) => a.id - b.id),
    transit_unproven: transitUnproven(results),
  };
}

/** The recap of a command that an error ended as a whole. */
export const endedRecap = (run: string, command: string | null, durationMs: number, exitCode: number): EndedRecap => ({
  event: 'recap',
  run,
  command,
  exit_code: exitCode,
  duration_ms: Math.round(durationMs),
  counts: countStatuses([]),
  tunnels: [],
  transit_unproven: [],
});

/**
 * The worst news wins. An end that is not proven (3) is worse than an interrupt (130): whoever pressed Ctrl-C knows that the run
 * stopped, but not that it left something behind. A bug (70) may have left a tunnel other than it says. An interrupt is worse than failed tunnels (1), since the tunnels that it kept from
 * starting are among those. Differences (4) count only for diff, and only when nothing is worse.
 */
export function exitCodeOf(
  counts: Counts,
  command: CommandName,
  ending: RunEnding & { readonly hasBug?: boolean },
): number {
  if (counts.unknown > 0) return 3;
  if (ending.hasBug === true) return BUG_EXIT_CODE;
  if (ending.interrupted) return 130;
  if (counts.reverted + counts.failed + counts.unreachable + counts.skipped > 0) return 1;
  if (command === 'diff' && ending.exitCodeOnDifference && counts.would_change + counts.would_remove > 0) return 4;
  return 0;
}

/** A packet that went from one site to another, and its answer, prove the hub for both. */
function transitUnproven(results: readonly TunnelResult[]): readonly string[] {
  const through = results
    .flatMap(({ checks, transit }) => [
      ...checks.filter(({ prefix }) => prefix === 'anchor'),
      ...(transit === null ? [] : [transit]),
    ])
    .filter(({ ok }) => ok)
    .flatMap(({ source, target }) => [source, target]);
  const isProven = ({ status }: TunnelResult): boolean => ['changed', 'rolled_back', 'unchanged'].includes(status);
  return results
    .filter(
      (result) => isProven(result) && result.checks.some(({ prefix, from }) => prefix === '/48' && from === 'spoke'),
    )
    .filter(({ checks }) => !checks.some(({ from, source }) => from === 'spoke' && through.includes(source)))
    .map(({ spoke }) => spoke)
    .toSorted();
}

function countStatuses(results: readonly TunnelResult[]): Counts {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<TunnelStatus, number>;
  for (const { status } of results) counts[status]++;
  return counts;
}
