/** The options of the commands that change something, defined once. */
import type { Command } from 'commander';
import { Brakes } from '../jobs/brakes.js';
import type { Run } from '../jobs/run.js';
import type { FleetRunOptions } from '../jobs/run-fleet.js';
import { parseFormerWay, type FormerWay } from './former-ways.js';
import { addRunOptions, GROUPS, parseCount, parseShare, type HostOptions } from './common-options.js';

export interface ChangeFlags extends HostOptions {
  readonly dryRun?: true;
  readonly diff?: true;
  readonly takeover?: true;
  readonly ssh?: readonly FormerWay[];
  readonly canary: number;
  readonly maxFail?: (total: number) => number;
  /** Seconds. */
  readonly window: number;
}

/** How such a command is run. */
export const changeSettings = ({ dryRun, diff, takeover, window, ssh }: ChangeFlags) => ({
  writes: dryRun !== true,
  showsDiffs: diff === true,
  takeover: takeover === true,
  windowSeconds: window,
  formerWays: ssh ?? [],
});

/** One pace for all that it does. @param total tunnels */
export function paceOf({ canary, maxFail, forks }: ChangeFlags, { signal, emit }: Run, total: number): FleetRunOptions {
  return { forks, brakes: new Brakes({ canary, maxFail: maxFail?.(total), signal, emit }), emit };
}

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
      parseShare,
    )
    .option(
      '--window <seconds>',
      'how long a trial goes on without a word from here before the hosts end it alone',
      parseCount(10),
      DEFAULT_WINDOW,
    )
    .optionsGroup(GROUPS.ssh)
    .option(
      '--ssh <name=host>',
      'how a spoke is reached that has left the inventory, [user@]host[:port]; it is shown no password (repeatable)',
      parseFormerWay,
    );
  return addRunOptions(command);
}
