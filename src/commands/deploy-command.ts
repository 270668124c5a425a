/** deploy, and diff, which is a deploy that changes nothing. */
import type { Command } from 'commander';
import { VxfleetError } from '../errors.js';
import type { TunnelResult } from '../events.js';
import { deployTunnel, refuseMove, successorOf } from '../jobs/deploy-tunnel.js';
import { formerSite, requireWays, type Site } from '../jobs/former-spokes.js';
import { describeOrphan, findOrphans } from '../jobs/orphans.js';
import { warn, type Run } from '../jobs/run.js';
import { asPlanned, runFleet } from '../jobs/run-fleet.js';
import type { TunnelPlan } from '../plan/plan.js';
import { addChangeOptions, changeSettings, DEFAULT_WINDOW, paceOf, type ChangeFlags } from './change-options.js';
import { addRunOptions, GROUPS, type HostOptions } from './common-options.js';
import type { Finish } from './finish.js';
import { examples, LIMIT_HELP } from './help-text.js';
import type { LoadedFleet } from './load-fleet.js';
import { runCommand, type Job } from './run-command.js';

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
  const { force = false, adopt = false, prune = false, pruneUnreachable = false } = flags;
  const { writes } = run.session;
  const orphans = await planPrune(run, prune);
  const total = orphans.length + tunnels.length;
  const pace = paceOf(flags, run, total);
  const moves = findMoves(run, orphans);
  const alone = orphans.filter((orphan) => ![...moves.values()].flat().includes(orphan));
  const options = { force, adopt, prune, gone: writes ? [] : orphans, ends };
  const work = async (): Promise<readonly TunnelResult[]> => {
    const pruned = await runFleet(
      asPlanned(alone),
      async ({ plan }, admit) => {
        const stays = await refuseMove(run, plan, { ...options, gone: orphans });
        return stays ?? (await (await loadPruning()).pruneTunnel(run, plan, pruneUnreachable, admit));
      },
      pace,
    );
    // What was removed is in the way of nobody any more, if only it is looked at again.
    if (pruned.length > 0 && writes) await run.hub.inspect();
    const deployed = await runFleet(
      tunnels.map((plan) => ({ plan, beside: moves.get(plan) ?? [] })),
      async ({ plan, beside }, admit) => deployTunnel(run, plan, options, admit, beside[0]),
      pace,
    );
    return [...pruned, ...deployed];
  };
  return { total, work };
}

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

/** With it comes the reading of what hosts keep, which few deploys need. */
const loadPruning = async (): Promise<typeof import('../jobs/prune-tunnel.js')> =>
  await import('../jobs/prune-tunnel.js');

/** The orphans that are to be removed; the others are named. */
async function planPrune(run: Run, isAsked: boolean): Promise<readonly TunnelPlan[]> {
  const orphans = findOrphans(run.hub.facts, run.fleet);
  const removable = isAsked ? orphans.filter(({ hasFile }) => hasFile) : [];
  for (const orphan of orphans) if (!removable.includes(orphan)) warn(run, describeOrphan(orphan));
  const sites: Site[] = [];
  for (const orphan of removable) {
    const plan = await (await loadPruning()).planOfOrphan(run, run.hub, orphan);
    // The site may be in the inventory under another id.
    const { ssh } = successorOf(run, plan) ?? formerSite(run.formerWays, plan);
    sites.push({ ...plan, ssh });
  }
  return requireWays(sites);
}
