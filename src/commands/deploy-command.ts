/** deploy, and diff, which is a deploy that changes nothing. */
import type { Command } from 'commander';
import { VxfleetError } from '../errors.js';
import { deployTunnel, refuseMove } from '../jobs/deploy-tunnel.js';
import { successorOf } from '../jobs/former-spokes.js';
import type { Run } from '../jobs/run.js';
import { asPlanned, runFleet } from '../jobs/run-fleet.js';
import type { TunnelPlan } from '../plan/plan.js';
import { addChangeOptions, changeSettings, DEFAULT_WINDOW, paceOf, type ChangeFlags } from './change-options.js';
import { addRunOptions, GROUPS, parseShare, type HostOptions } from './common-options.js';
import type { Finish } from './finish.js';
import { examples, LIMIT_HELP } from './help-text.js';
import type { LoadedFleet } from './load-fleet.js';
import { planPrune, type PruneFlags } from './plan-prune.js';
import { runCommand, type Job } from './run-command.js';

interface DeployFlags extends ChangeFlags, PruneFlags {
  readonly force?: true;
  readonly adopt?: true;
  readonly exitCode?: true;
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
    .option('--prune-unreachable', 'with --prune: where nobody answers for the spoke, remove its end at the hub')
    .option(
      '--prune-max <n|n%>',
      'with --prune: refuse when more sites than this would lose theirs (default: 3, or a tenth of the fleet if that is more)',
      parseShare,
    )
    .option('--yes', 'with --prune: do not ask on the terminal before tunnels are removed')
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
  const settings = {
    ...changeSettings(flags),
    command: flags.dryRun === true ? 'diff' : 'deploy',
    exitCodeOnDifference: flags.exitCode === true,
    check: () => checkFlags(limits, flags),
  } as const;
  return await runCommand(limits, flags, settings, async (run, fleet) => planDeploy(run, fleet, flags));
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

async function planDeploy(run: Run, { tunnels, ends }: LoadedFleet, flags: DeployFlags): Promise<Job> {
  const { force = false, adopt = false, pruneUnreachable = false } = flags;
  const { writes } = run.session;
  const { orphans, mayPrune } = await planPrune(run, flags);
  const pace = paceOf(flags, run, orphans.length + tunnels.length);
  const moves = findMoves(run, orphans);
  const alone = orphans.filter((orphan) => ![...moves.values()].flat().includes(orphan));
  const first = alone.filter((orphan) => isInTheWay(run, orphan));
  const options = { force, adopt, mayPrune, gone: writes ? [] : orphans, ends };
  const prune = async (some: readonly TunnelPlan[]): Promise<void> => {
    if (some.length === 0) return;
    const { pruneTunnel } = await import('../jobs/prune-tunnel.js');
    await runFleet(
      asPlanned(some),
      async ({ plan }, admit) =>
        (await refuseMove(run, plan, { ...options, gone: orphans })) ??
        (await pruneTunnel(run, plan, pruneUnreachable, admit)),
      pace,
    );
  };
  const work = async (): Promise<void> => {
    await prune(first);
    // What was removed is in the way of nobody any more, if only it is looked at again.
    if (first.length > 0 && writes) await run.hub.inspect();
    await runFleet(
      tunnels.map((plan) => ({ plan, beside: moves.get(plan) ?? [] })),
      async ({ plan, beside }, admit) => deployTunnel(run, plan, options, admit, beside[0]),
      pace,
    );
    await prune(alone.filter((orphan) => !first.includes(orphan)));
  };
  return { tunnels: [...orphans, ...tunnels], work };
}

/** Its site has another tunnel to get, or another site wants its id or VNI. */
const isInTheWay = (run: Run, orphan: TunnelPlan): boolean =>
  successorOf(run, orphan) !== undefined ||
  run.tunnels.some((one) => one.interface === orphan.interface || one.vni === orphan.vni);

/**
 * Old tunnels by those that their sites get instead: both change together. Not where another site gets the old one's id or VNI, or has the new
 * one's: then the old one has to go first.
 */
function findMoves(run: Run, orphans: readonly TunnelPlan[]): ReadonlyMap<TunnelPlan, readonly [TunnelPlan]> {
  const { files, links } = run.hub.facts;
  const moves = new Map<TunnelPlan, readonly [TunnelPlan]>();
  for (const old of orphans) {
    const next = successorOf(run, old);
    const isWanted = run.tunnels.some(
      (one) => one !== next && (one.interface === old.interface || one.vni === old.vni),
    );
    if (next === undefined || isWanted || files.has(next.interface) || links.has(next.interface)) continue;
    moves.set(next, [old]);
  }
  return moves;
}
