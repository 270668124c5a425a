import type { Command } from 'commander';
import { foldDiffs, type EndDiff } from '../diff/fold-diffs.js';
import { fetchHistory, planOf } from '../deploy/gather-history.js';
import type { InspectedHost } from '../deploy/inspected-host.js';
import { rollbackTunnel } from '../deploy/rollback-tunnel.js';
import { runFleet } from '../deploy/run-fleet.js';
import { VxfleetError } from '../errors.js';
import type { TunnelResult } from '../events.js';
import { lastRun, takesPart, unknownRun } from '../history/choose-rollback.js';
import type { HostHistory } from '../history/read-history.js';
import { generationsOf, type EndHistory } from '../history/record.js';
import type { RollbackRequest } from '../history/rollback-target.js';
import type { FleetPlan, TunnelPlan } from '../plan/plan.js';
import { selectTunnels } from '../plan/select-tunnels.js';
import { addChangeOptions, changeEvents, showDiffs, type ChangeFlags } from './change-options.js';
import type { Finish } from './finish.js';
import { examples } from './help-text.js';
import { runCommand, type Job, type RunContext } from './run-command.js';

interface RollbackFlags extends ChangeFlags {
  readonly to?: string;
}

/** Also of tunnels that have left the inventory. */
const LIMIT_HELP =
  'a spoke or a glob of names (tok*), an interface (vxlan0a), a tag (@kansai); none: the tunnels of the last run';

export function addRollbackCommand(program: Command, finish: Finish): void {
  const command = program
    .command('rollback')
    .description('Put back what was there before the last run (or after any kept run), by the same proof as a deploy.');
  addChangeOptions(command.argument('[limit...]', LIMIT_HELP))
    .option('--to <run>', 'the state that this run left (vxfleet history lists them)')
    .addHelpText(
      'after',
      examples('vxfleet rollback --dry-run', 'vxfleet rollback tokyo', 'vxfleet rollback --to 20261123T120000-abc123'),
    )
    .action((limits: string[], flags: RollbackFlags) => finish(rollback(limits, flags)));
}

async function rollback(limits: readonly string[], flags: RollbackFlags): Promise<number> {
  const settings = {
    command: 'rollback',
    writes: flags.dryRun !== true,
    windowSeconds: flags.window,
    exitCodeOnDifference: false,
    check: () => {
      if (limits.includes('hub'))
        throw new VxfleetError('usage', 'a rollback puts back both ends of a tunnel: LIMIT hub is not for it');
    },
  } as const;
  // Which tunnels there were, the hub knows: the inventory may have lost some since.
  return await runCommand([], flags, settings, async (context) => planRollback(context, limits, flags));
}

async function planRollback(context: RunContext, limits: readonly string[], flags: RollbackFlags): Promise<Job> {
  const { access, hub, emit, signal } = context;
  const history = await fetchHistory(hub.session, []);
  for (const message of history.warnings) emit({ event: 'notice', level: 'warning', message });
  const everyTunnel = await withFormerTunnels(context.fleet.plan, hub, history);
  const selected = selectTunnels(everyTunnel, limits).tunnels;
  const { request, tunnels } = chooseTunnels(selected, history, flags.to);

  const { identity, windowSeconds } = access.session;
  const dryRun = flags.dryRun === true;
  const diffs: EndDiff[] = [];
  const rollbackOne = async (plan: TunnelPlan): Promise<TunnelResult> =>
    rollbackTunnel(access, hub, plan, {
      request,
      dryRun,
      takeover: flags.takeover === true,
      identity,
      windowSeconds,
      verifySeconds: flags.verifyTimeout,
      signal,
      ...changeEvents(emit, plan),
      onDiff: dryRun ? (found) => void diffs.push(...found) : showDiffs(flags, emit),
    });
  const work = async (): Promise<TunnelResult[]> => {
    const results = await runFleet(tunnels, rollbackOne, {
      forks: flags.forks,
      canary: flags.canary,
      maxFail: flags.maxFail?.(tunnels.length) ?? Number.POSITIVE_INFINITY,
      signal,
      emit,
    });
    for (const diff of foldDiffs(diffs.sort((a, b) => a.id - b.id))) emit(diff);
    return results;
  };
  return { total: tunnels.length, work };
}

/** The fleet of today with the tunnels of its prefix that the hub once had and that have a plan in its history. */
async function withFormerTunnels(fleet: FleetPlan, hub: InspectedHost, history: HostHistory): Promise<FleetPlan> {
  const known = new Set(fleet.tunnels.map((tunnel) => tunnel.interface));
  const former: TunnelPlan[] = [];
  for (const [name, end] of history.ends) {
    const plan = known.has(name) ? null : await newestPlan(hub, end);
    // Another prefix is another fleet's, which has the same hub.
    if (plan?.prefix === fleet.prefix) former.push(plan);
  }
  return { ...fleet, tunnels: [...fleet.tunnels, ...former].sort((a, b) => a.id - b.id) };
}

/** A file that was found has none, nor has what was put back to it. */
async function newestPlan({ session }: InspectedHost, end: EndHistory): Promise<TunnelPlan | null> {
  for (const generation of generationsOf(end).toReversed()) {
    const plan = generation.hasFile ? await planOf(session, generation) : null;
    if (plan !== null) return plan;
  }
  return null;
}

function chooseTunnels(
  selected: readonly TunnelPlan[],
  history: HostHistory,
  to: string | undefined,
): { readonly request: RollbackRequest; readonly tunnels: readonly TunnelPlan[] } {
  const ends = selected.flatMap((tunnel) => history.ends.get(tunnel.interface) ?? []);
  const undo = to === undefined ? lastRun(ends) : undefined;
  if (to === undefined && undo === undefined) {
    throw new VxfleetError(
      'refused',
      'there is nothing to go back to: the hub has kept no generation of these tunnels',
      {
        hint: 'A generation is kept by every deploy that changes a tunnel; vxfleet history lists them.',
      },
    );
  }
  const unknown = selected.filter((tunnel) => history.damagedHeads.includes(tunnel.interface));
  if (to === undefined && unknown.length > 0) {
    throw new VxfleetError(
      'refused',
      `the hub's newest record of ${unknown.map((tunnel) => tunnel.interface).join(', ')} is damaged: what was before it is not known`,
      {
        hint: 'Say which state it shall be with --to RUN (vxfleet history lists them), or name the other tunnels as LIMIT.',
      },
    );
  }
  const request: RollbackRequest = to === undefined ? { undo: undo ?? '' } : { to };
  const tunnels = selected.filter((tunnel) => {
    const end = history.ends.get(tunnel.interface);
    return end !== undefined && takesPart(end, request);
  });
  if (tunnels.length === 0 && to !== undefined) throw unknownRun(ends, to);
  return { request, tunnels };
}
