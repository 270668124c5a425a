import type { Command } from 'commander';
import { VxfleetError } from '../errors.js';
import { unknownRun } from '../history/choose-rollback.js';
import { planReturn, planUndo, type RollbackPlan } from '../history/plan-rollback.js';
import type { HostHistory } from '../history/read-history.js';
import { generationsOf, type EndHistory } from '../history/record.js';
import type { Host } from '../host/host.js';
import { describeRollback } from '../jobs/describe-rollback.js';
import { formerSite, isReached, requireWays, type Site } from '../jobs/former-spokes.js';
import { fetchHistory, newestPlan } from '../jobs/gather-history.js';
import {
  findTakenAway,
  joinMoves,
  locateStep,
  requireAll,
  type LocatedStep,
  type SiteStep,
} from '../jobs/rollback-sites.js';
import { rollbackTunnels } from '../jobs/rollback-tunnel.js';
import { warn, type Run } from '../jobs/run.js';
import { runFleet } from '../jobs/run-fleet.js';
import type { FleetPlan, KeptPlan } from '../plan/plan.js';
import { selectTunnels } from '../plan/select-tunnels.js';
import { addChangeOptions, changeSettings, paceOf, type ChangeFlags } from './change-options.js';
import { GROUPS } from './common-options.js';
import type { Finish } from './finish.js';
import { examples } from './help-text.js';
import { runCommand, type Job } from './run-command.js';

interface RollbackFlags extends ChangeFlags {
  readonly to?: string;
  readonly remove?: true;
}

/** Also of tunnels that have left the inventory. */
const LIMIT_HELP =
  'a spoke or a glob of names (tok*), an interface (vxlan0a), an id, a tag (@kansai), or with ! all but these; none: the tunnels of the last run';

export function addRollbackCommand(program: Command, finish: Finish): void {
  const command = program
    .command('rollback')
    .description(
      'Undo the last run, asked again the one before (or go to any kept run), by the same proof as a deploy.',
    )
    .argument('[limit...]', LIMIT_HELP);
  addChangeOptions(command)
    .optionsGroup(GROUPS.what)
    .option('--to <run>', 'the state that this run left (vxfleet history lists them)')
    .option('--remove', 'also take away the tunnel of a spoke that is in the inventory and had none then')
    .addHelpText(
      'after',
      examples('vxfleet rollback --dry-run', 'vxfleet rollback tokyo', 'vxfleet rollback --to 20261123T120000-abc123'),
    )
    .action((limits: string[], flags: RollbackFlags) => finish(rollback(limits, flags)));
}

async function rollback(limits: readonly string[], flags: RollbackFlags): Promise<number> {
  const settings = {
    ...changeSettings(flags),
    command: 'rollback',
    exitCodeOnDifference: false,
    check: () => {
      if (limits.some((limit) => limit.split(',').includes('hub')))
        throw new VxfleetError('usage', 'a rollback puts back both ends of a tunnel: LIMIT hub is not for it');
    },
  } as const;
  // Which tunnels there were, the hub knows: the inventory may have lost some since.
  return await runCommand([], flags, settings, async (run) => planRollback(run, limits, flags));
}

async function planRollback(run: Run, limits: readonly string[], flags: RollbackFlags): Promise<Job> {
  const { fleet, hub } = run;
  const { writes } = run.session;
  const history = await fetchHistory(hub, []);
  for (const message of history.warnings) warn(run, message);
  const former = (await findFormerTunnels(fleet, hub, history)).map((plan) => formerSite(run, plan));
  // Those of the inventory first: they say how a spoke is reached now.
  const sites: readonly Site[] = [...fleet.tunnels, ...former];
  const tunnels = sites.toSorted((a, b) => a.id - b.id);
  const plan = choosePlan(tunnels, selectTunnels({ tunnels }, limits).tunnels, history, flags.to);
  const located: LocatedStep[][] = [];
  for (const steps of plan.phases) {
    located.push([]);
    for (const step of steps) located.at(-1)?.push(await locateStep(hub, sites, run, step));
  }
  requireWays(located.flat().map(({ plan: site }) => site));
  const phases = located.map((phase) => phase.filter(isSiteStep));
  const steps = phases.flat();
  const named = steps.map((step) => ({ interface: step.interface, spoke: step.plan.spoke }));
  const message = describeRollback(plan, named, { to: flags.to !== undefined, dryRun: !writes });
  run.emit({ event: 'notice', level: 'info', message });
  const taken = findTakenAway(fleet.tunnels, sites, hub.facts, steps);
  if (taken.length > 0 && flags.remove !== true) throw takesAway(taken);

  if (phases.length > 1 && writes) await requireAll(run, steps, flags.forks);
  const pace = paceOf(flags, run, steps.length);
  const work = async (): Promise<void> => {
    for (const [index, phase] of joinMoves(phases).entries()) {
      // What has gone is in the way of nobody any more, if only it is looked at again.
      if (index > 0 && writes) await hub.inspect();
      const others = steps.filter((step) => !phase.some((site) => site.steps.includes(step)));
      const gone = writes ? [] : others.filter(({ removes }) => removes);
      await runFleet(phase, async (site, admit) => rollbackTunnels(run, site.steps, gone, admit), pace);
    }
  };
  return { tunnels: steps.map((step) => step.plan), work };
}

const isSiteStep = (step: LocatedStep): step is SiteStep => isReached(step.plan);

function takesAway(taken: readonly SiteStep[]): VxfleetError {
  const names = taken.map(({ plan }) => `${plan.spoke} (${plan.interface})`).join(', ');
  return new VxfleetError('refused', `this would leave without a tunnel what is in the inventory: ${names}`, {
    hint: 'With --remove it does. Or name the other tunnels as LIMIT, or another run with --to.',
  });
}

/** The tunnels of the fleet's prefix that the hub once had, that have a plan in its history, and that the inventory no longer has. */
async function findFormerTunnels(fleet: FleetPlan, hub: Host, history: HostHistory): Promise<KeptPlan[]> {
  const known = new Set(fleet.tunnels.map((tunnel) => tunnel.interface));
  const former: KeptPlan[] = [];
  for (const [name, end] of history.ends) {
    const plan = known.has(name) ? null : await newestPlan(hub, end);
    // Another prefix is another fleet's, which has the same hub.
    if (plan?.prefix === fleet.prefix) former.push(plan);
  }
  return former;
}

function choosePlan(
  tunnels: readonly Site[],
  selected: readonly Site[],
  history: HostHistory,
  to: string | undefined,
): RollbackPlan {
  const endsOf = (some: readonly Site[]): EndHistory[] =>
    some.flatMap((tunnel) => history.ends.get(tunnel.interface) ?? []);
  const ends = endsOf(selected);
  if (to !== undefined) {
    const plan = planReturn(ends, to);
    if (plan === undefined) throw unknownRun(ends, to);
    return plan;
  }
  const unknown = selected.filter((tunnel) => history.damagedHeads.includes(tunnel.interface));
  if (unknown.length > 0) {
    throw new VxfleetError(
      'refused',
      `the hub's newest record of ${unknown.map((tunnel) => tunnel.interface).join(', ')} is damaged: what was before it is not known`,
      {
        hint: 'Say which state it shall be with --to RUN (vxfleet history lists them), or name the other tunnels as LIMIT.',
      },
    );
  }
  const plan = planUndo(ends, endsOf(tunnels.filter((tunnel) => !selected.includes(tunnel))));
  if (plan !== undefined) return plan;
  throw new VxfleetError(
    'refused',
    ends.some((end) => generationsOf(end).length > 0)
      ? 'there is nothing to go back to: these tunnels are as they were before vxfleet changed them'
      : 'there is nothing to go back to: the hub has kept no generation of these tunnels',
    { hint: 'A generation is kept by every deploy that changes a tunnel; vxfleet history lists them.' },
  );
}
