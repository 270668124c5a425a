/** deploy, and diff, which is a deploy that changes nothing. */
import type { Command } from 'commander';
import { VxfleetError } from '../errors.js';
import type { TunnelResult } from '../events.js';
import type { EndDiff } from '../diff/fold-diffs.js';
import { foldDiffs } from '../diff/fold-diffs.js';
import { deployTunnel } from '../deploy/deploy-tunnel.js';
import { describeOrphan, findOrphans } from '../deploy/orphans.js';
import type { PruneOptions } from '../deploy/prune-tunnel.js';
import { Brakes } from '../deploy/brakes.js';
import { asPlanned, runFleet, type Admit, type Planned } from '../deploy/run-fleet.js';
import type { TunnelPlan } from '../plan/plan.js';
import { addChangeOptions, changeEvents, DEFAULT_WINDOW, showDiffs, type ChangeFlags } from './change-options.js';
import { addRunOptions, GROUPS, type HostOptions } from './common-options.js';
import type { Finish } from './finish.js';
import { examples, LIMIT_HELP } from './help-text.js';
import { runCommand, type Job, type RunContext } from './run-command.js';

interface DeployFlags extends ChangeFlags {
  readonly force?: true;
  readonly adopt?: true;
  readonly exitCode?: true;
  readonly prune?: true;
  readonly pruneUnreachable?: true;
}

export function addDeployCommand(program: Command, finish: Finish): void {
  const command = program
    .command('deploy')
    .description('Push, bounce what changed, prove it from both ends, and confirm it or put it back.')
    .argument('[limit...]', LIMIT_HELP);
  addChangeOptions(command)
    .optionsGroup(GROUPS.what)
    .option('--force', 'bounce also what has not changed')
    .option('--adopt', 'take over interface files that vxfleet did not write; rollback brings them back')
    .option('--prune', 'remove the tunnels that are no longer in the inventory, from both ends')
    .option('--prune-unreachable', 'with --prune: if the spoke cannot be reached, remove its end at the hub')
    .option('--exit-code', 'with --dry-run: exit with 4 when there are differences')
    .addHelpText('after', examples('vxfleet deploy', 'vxfleet deploy tokyo --diff'))
    .action((limits: string[], options: DeployFlags) => finish(deploy(limits, options)));
}

export function addDiffCommand(program: Command, finish: Finish): void {
  const command = program
    .command('diff')
    .description('Show what a deploy would change, against the live files and the kernel; changes nothing.')
    .argument('[limit...]', LIMIT_HELP)
    .optionsGroup(GROUPS.what)
    .option('--exit-code', 'exit with 4 when there are differences');
  addRunOptions(command)
    .addHelpText('after', examples('vxfleet diff', 'vxfleet diff tokyo --exit-code'))
    .action((limits: string[], options: HostOptions & { exitCode?: true }) =>
      finish(deploy(limits, { ...options, dryRun: true, canary: 0, window: DEFAULT_WINDOW })),
    );
}

async function deploy(limits: readonly string[], flags: DeployFlags): Promise<number> {
  const dryRun = flags.dryRun === true;
  const settings = {
    command: dryRun ? 'diff' : 'deploy',
    writes: !dryRun,
    windowSeconds: flags.window,
    exitCodeOnDifference: flags.exitCode === true,
    check: () => checkFlags(limits, flags),
  } as const;
  return await runCommand(limits, flags, settings, async (context) => planDeploy(context, flags, dryRun));
}

function checkFlags(limits: readonly string[], flags: DeployFlags): void {
  if (flags.prune === true && limits.length > 0) {
    throw new VxfleetError('usage', '--prune is about the whole fleet: it takes no LIMIT', {
      hint: 'vxfleet deploy --prune --dry-run shows what it would remove.',
    });
  }
  if (flags.exitCode === true && flags.dryRun !== true) {
    throw new VxfleetError('usage', '--exit-code tells differences that are left, and a deploy leaves none', {
      hint: 'vxfleet deploy --dry-run --exit-code, or vxfleet diff --exit-code.',
    });
  }
}

async function planDeploy(context: RunContext, flags: DeployFlags, dryRun: boolean): Promise<Job> {
  const { fleet, access, emit, signal } = context;
  const diffs: EndDiff[] = [];
  const options = {
    dryRun,
    takeover: flags.takeover === true,
    verifySeconds: flags.verifyTimeout,
    signal,
    emit,
    onWarning: (message: string) => emit({ event: 'notice', level: 'warning', message }),
    // A dry run folds what many tunnels have in common, at the end; a deploy shows each as it goes.
    onDiff: dryRun ? (found: readonly EndDiff[]) => void diffs.push(...found) : showDiffs(flags, emit),
  };
  const orphans = await planPrune(context, flags);
  const total = orphans.length + fleet.tunnels.length;
  const brakes = new Brakes({ canary: flags.canary, maxFail: flags.maxFail?.(total), signal, emit });
  const run = { forks: flags.forks, brakes, emit };
  const deployOptions = {
    ...options,
    force: flags.force === true,
    adopt: flags.adopt === true,
    prune: flags.prune === true,
    gone: dryRun ? orphans : [],
    ends: fleet.ends,
  };
  const work = async (): Promise<readonly TunnelResult[]> => {
    const pruned = await runFleet(asPlanned(orphans), pruneOne, run);
    // What was removed is in the way of nobody any more, if only it is looked at again.
    if (pruned.length > 0 && !dryRun) await context.hub.inspect();
    const deployOne = async ({ plan }: Planned, admit: Admit): Promise<readonly TunnelResult[]> =>
      deployTunnel(access, context.hub, plan, { ...deployOptions, admit });
    const deployed = await runFleet(asPlanned(fleet.tunnels), deployOne, run);
    for (const diff of foldDiffs(diffs.sort((a, b) => a.id - b.id))) emit(diff);
    return [...pruned, ...deployed];
  };
  const pruneOptions = (plan: TunnelPlan, admit: Admit): PruneOptions => ({
    ...options,
    ...changeEvents(emit, plan),
    admit,
    identity: access.session.identity,
    windowSeconds: access.session.windowSeconds,
    unreachableToo: flags.pruneUnreachable === true,
  });
  const pruneOne = async ({ plan }: Planned, admit: Admit): Promise<TunnelResult> => {
    const { pruneTunnel, refuseMove } = await loadPruning();
    const stays = await refuseMove(access, context.hub, plan, { ...deployOptions, admit, gone: orphans });
    return stays ?? (await pruneTunnel(access, context.hub, plan, pruneOptions(plan, admit)));
  };
  return { total, work };
}

/** With it comes the reading of what hosts keep, which few deploys need. */
const loadPruning = async (): Promise<
  typeof import('../deploy/prune-tunnel.js') & typeof import('../deploy/refuse-move.js')
> => ({ ...(await import('../deploy/prune-tunnel.js')), ...(await import('../deploy/refuse-move.js')) });

/** The orphans that are to be removed; the others are named. */
async function planPrune({ access, hub, emit }: RunContext, flags: DeployFlags): Promise<readonly TunnelPlan[]> {
  const orphans = findOrphans(hub.facts, access.fleet);
  const removable = flags.prune === true ? orphans.filter(({ hasFile }) => hasFile) : [];
  for (const orphan of orphans) {
    if (!removable.includes(orphan)) emit({ event: 'notice', level: 'warning', message: describeOrphan(orphan) });
  }
  const plans: TunnelPlan[] = [];
  for (const orphan of removable) plans.push(await (await loadPruning()).planOfOrphan(access, hub, orphan));
  return plans;
}
