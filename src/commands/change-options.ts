/** The options of the commands that change something, defined once. */
import type { Command } from 'commander';
import type { ChangeOptions } from '../deploy/change.js';
import { tellSteps } from '../deploy/tell-steps.js';
import { foldDiffs, type EndDiff } from '../diff/fold-diffs.js';
import type { Emit } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';
import { addRunOptions, GROUPS, parseCount, parseMaxFail, type HostOptions } from './common-options.js';

export interface ChangeFlags extends HostOptions {
  readonly dryRun?: true;
  readonly diff?: true;
  readonly takeover?: true;
  readonly canary: number;
  readonly maxFail?: (total: number) => number;
  /** Seconds. */
  readonly window: number;
}

/** What a change of this tunnel tells. */
export const changeEvents = (emit: Emit, plan: TunnelPlan): Pick<ChangeOptions, 'onStep' | 'onWarning'> => ({
  onStep: tellSteps(emit, plan),
  onWarning: (message) => emit({ event: 'notice', level: 'warning', message }),
});

/** Shows each tunnel's differences as it is changed, with `--diff`; without it they need not be made. */
export const showDiffs = (
  { diff }: Pick<ChangeFlags, 'diff'>,
  emit: Emit,
): ((found: readonly EndDiff[]) => void) | undefined =>
  diff === true ? (found) => foldDiffs(found).forEach(emit) : undefined;

/** Seconds. */
export const DEFAULT_WINDOW = 60;

export function addChangeOptions(command: Command): Command {
  command
    .optionsGroup(GROUPS.what)
    .option('--dry-run', 'only show what would change')
    .option('--diff', 'show the differences while changing')
    .option('--takeover', 'end a trial that a dead run has left, before its window is over')
    .optionsGroup(GROUPS.pace)
    .option(
      '--canary <n>',
      'that many tunnels must be changed and confirmed before others are touched',
      parseCount(0),
      0,
    )
    .option(
      '--max-fail <n|n%>',
      'touch no more tunnels once more than this many failed (default: once the first ten have all failed)',
      parseMaxFail,
    )
    .option(
      '--window <seconds>',
      'how long a trial goes on without a word from here before the hosts end it alone',
      parseCount(10),
      DEFAULT_WINDOW,
    );
  return addRunOptions(command);
}
