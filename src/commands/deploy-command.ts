/** deploy, and diff, which is a deploy that changes nothing. */
import type { Command } from 'commander';
import type { EndDiff } from '../diff/fold-diffs.js';
import { foldDiffs } from '../diff/fold-diffs.js';
import { deployTunnel } from '../deploy/deploy-tunnel.js';
import { runFleet } from '../deploy/run-fleet.js';
import { addHostOptions, parseCount, parseMaxFail, type HostOptions } from './common-options.js';
import type { Finish } from './finish.js';
import { examples, LIMIT_HELP } from './help-text.js';
import { runCommand } from './run-command.js';

interface DeployFlags extends HostOptions {
  readonly dryRun?: true;
  readonly diff?: true;
  readonly force?: true;
  readonly adopt?: true;
  readonly takeover?: true;
  readonly exitCode?: true;
  readonly canary: number;
  readonly maxFail?: (total: number) => number;
  readonly window: number;
}

/** Seconds. */
const DEFAULT_WINDOW = 60;

export function addDeployCommand(program: Command, finish: Finish): void {
  const command = program
    .command('deploy')
    .description('Push, bounce what changed, prove it from both ends, and confirm it or put it back.');
  addHostOptions(command.argument('[limit...]', LIMIT_HELP))
    .option('--dry-run', 'only show what would change (= vxfleet diff)')
    .option('--diff', 'show the differences while deploying')
    .option('--force', 'bounce also what has not changed')
    .option('--adopt', 'take over interface files that vxfleet did not write; keeps a copy on the host')
    .option('--takeover', 'end a trial that a run that is gone has left, before its window is over')
    .option('--canary <n>', 'that many tunnels must be confirmed before the rest start', parseCount(0), 0)
    .option('--max-fail <n|n%>', 'start no more tunnels once more than this many failed', parseMaxFail)
    .option('--window <seconds>', 'how long a trial goes on without a word from here before the hosts end it alone', parseCount(10), DEFAULT_WINDOW)
    .option('--exit-code', 'with --dry-run: exit with 4 when there are differences')
    .addHelpText('after', examples('vxfleet deploy', 'vxfleet deploy tokyo --diff'))
    .action((limits: string[], options: DeployFlags) => finish(deploy(limits, options)));
}

export function addDiffCommand(program: Command, finish: Finish): void {
  const command = program
    .command('diff')
    .description('Show what a deploy would change, against the live files and the kernel; changes nothing.');
  addHostOptions(command.argument('[limit...]', LIMIT_HELP))
    .option('--exit-code', 'exit with 4 when there are differences')
    .addHelpText('after', examples('vxfleet diff', 'vxfleet diff tokyo --exit-code'))
    .action((limits: string[], options: HostOptions & { exitCode?: true }) =>
      finish(deploy(limits, { ...options, dryRun: true, canary: 0, window: DEFAULT_WINDOW })),
    );
}

async function deploy(limits: readonly string[], flags: DeployFlags): Promise<number> {
  const dryRun = flags.dryRun === true;
  const settings = {
    command: dryRun ? 'diff' : 'deploy',
    windowSeconds: flags.window,
    exitCodeOnDifference: flags.exitCode === true,
  } as const;
  return await runCommand(limits, flags, settings, async ({ fleet, access, hub, emit, signal }) => {
    const diffs: EndDiff[] = [];
    const options = {
      dryRun,
      force: flags.force === true,
      adopt: flags.adopt === true,
      takeover: flags.takeover === true,
      ends: fleet.ends,
      verifySeconds: flags.verifyTimeout,
      signal,
      emit,
      // A dry run folds what many tunnels have in common, at the end; a deploy shows each as it goes.
      onDiff: (found: readonly EndDiff[]) => {
        if (dryRun) diffs.push(...found);
        else if (flags.diff === true) for (const diff of foldDiffs(found)) emit(diff);
      },
    };
    const results = await runFleet(fleet.tunnels, (plan) => deployTunnel(access, hub, plan, options), {
      forks: flags.forks,
      canary: flags.canary,
      maxFail: flags.maxFail?.(fleet.tunnels.length) ?? Number.POSITIVE_INFINITY,
      signal,
      emit,
    });
    diffs.sort((a, b) => a.id - b.id);
    for (const diff of foldDiffs(diffs)) emit(diff);
    return results;
  });
}
