/**
 * What a rollback does, by what the hub keeps: it undoes the newest run whose state any of the tunnels is in, at all of them; asked again, the
 * run before that. Pure.
 */
import { VxfleetError } from '../errors.js';
import { foundBefore, runOf } from './change-id.js';
import { byRun } from './change-order.js';
import { generationOf, keepsRun } from './choose-rollback.js';
import { FIRST, generationsOf, type EndHistory, type HistoryRecord } from './record.js';
import {
  changeOf,
  olderThan,
  stateAfter,
  stateOf,
  stepBack,
  type EndState,
  type RollbackRequest,
  type RollbackTarget,
} from './rollback-target.js';

/** One change of a rollback: of one tunnel, both ends. */
export interface RollbackStep {
  readonly interface: string;
  /** Whose tunnel it is: it was called so when the state was made that is undone, or put back. */
  readonly spoke: string;
  readonly request: RollbackRequest;
  /** The generations at the hub by which the tunnel is known: what is undone, and what is put back. */
  readonly records: readonly HistoryRecord[];
  /** Is there no tunnel of this interface at the hub afterwards? */
  readonly removes: boolean;
}

export interface RollbackPlan {
  /** The run that is undone, or whose state is put back. `before-RUN`: what was there before that run, and no run of ours made. */
  readonly run: string;
  /** Any record of the run: whose it was, and when; undefined when none is kept. */
  readonly record: HistoryRecord | undefined;
  /** One after the other, each of tunnels that do not hinder each other: what is in the way goes first. */
  readonly phases: readonly (readonly RollbackStep[])[];
}

/**
 * undefined when none of the tunnels is in a state that a run has made. Throws `refused` when the run can only be undone with others.
 * @param hubs the hub's ends of the selected tunnels @param others the hub's ends of the rest
 */
export function planUndo(hubs: readonly EndHistory[], others: readonly EndHistory[] = []): RollbackPlan | undefined {
  const changes = hubs.map(newestChange).filter((change) => change !== undefined);
  const newest = changes.toSorted(byRun).at(-1);
  if (newest === undefined) return undefined;
  const run = runOf(newest);
  const undone = stepsOf(hubs, run);
  const spokes = new Set(undone.flat().map(({ spoke }) => spoke));
  const tied = stepsOf(others, run).filter((steps) => steps.some(({ spoke }) => spokes.has(spoke)));
  if (tied.length > 0) throw handedOn(run, tied);
  const record = hubs.flatMap(({ records }) => records).find((one) => one.run === run);
  return { run, record, phases: inPhases(undone) };
}

/** What undoes the run at each of these tunnels whose state is the run's. */
function stepsOf(hubs: readonly EndHistory[], run: string): (readonly RollbackStep[])[] {
  return hubs.flatMap((hub) => {
    const change = newestChange(hub);
    return change === undefined || runOf(change) !== run ? [] : [undoSteps(hub, change)];
  });
}

/** A site that has one tunnel of the run's would have two, or none. */
function handedOn(run: string, tied: readonly (readonly RollbackStep[])[]): VxfleetError {
  const names = tied.map(([step]) => `${step?.spoke ?? ''} (${step?.interface ?? ''})`).join(', ');
  return new VxfleetError('refused', `run ${run} gave ids to other tunnels, which go back together: ${names} too`, {
    hint: 'Name these as LIMIT too, or none at all.',
  });
}

/** undefined when none of the tunnels keeps the run. */
export function planReturn(hubs: readonly EndHistory[], run: string): RollbackPlan | undefined {
  const steps = hubs.filter((hub) => keepsRun(hub, run)).map((hub) => [returnStep(hub, run)]);
  if (steps.length === 0) return undefined;
  const record = hubs.flatMap(({ records }) => records).find((one) => one.run === run);
  return { run, record, phases: inPhases(steps) };
}

function returnStep(hub: EndHistory, run: string): RollbackStep {
  const generations = generationsOf(hub);
  // What a run found at the spoke alone is nothing of the hub's, which goes to what it had then.
  const finder = generations.find((one) => foundBefore(one.run) === run);
  const target = generationOf(hub, run) ?? (finder && olderThan(hub, finder).at(-1));
  const records = [target, finder, generations.at(-1)].filter((one) => one !== undefined);
  const spoke = records[0]?.spoke ?? '';
  return { interface: hub.interface, spoke, request: { to: run }, records, removes: target?.hasFile !== true };
}

/** What takes a tunnel away before what puts one back: of two tunnels of a site, or of two sites' of an interface, there is one at a time. */
function inPhases(tunnels: readonly (readonly RollbackStep[])[]): (readonly RollbackStep[])[] {
  const removals = tunnels.flatMap((steps) => steps.slice(0, 1).filter(({ removes }) => removes));
  const rest = tunnels.map((steps) => steps.slice(steps[0]?.removes === true ? 1 : 0));
  const longest = Math.max(0, ...rest.map((steps) => steps.length));
  const levels = Array.from({ length: longest }, (_, level) => rest.flatMap((steps) => steps.slice(level, level + 1)));
  return [removals, ...levels].filter((phase) => phase.length > 0);
}

/** All that the run did to this interface, the last first: one run may take a tunnel away and make another of the same name. */
function undoSteps(hub: EndHistory, newest: string): RollbackStep[] {
  const head = confirmedHead(hub);
  if (head === undefined) return [];
  const steps: RollbackStep[] = [];
  let change = newest;
  let state = stateAfter(hub, head);
  for (;;) {
    const isOwn = changeOf(state) === change;
    const target = isOwn ? targetOf(hub, state) : undefined;
    const made = state.kind === 'generation' ? state.record : head;
    const records = [made, ...(target?.kind === 'generation' ? [target.record] : [])];
    const removes = target !== undefined && (target.kind === 'absent' || !target.record.hasFile);
    steps.push({ interface: hub.interface, spoke: made.spoke, request: { undo: change }, records, removes });
    if (target === undefined) return steps;
    state = stateOf(hub, target);
    const next = changeOf(state);
    if (next === null || runOf(next) !== runOf(newest)) return steps;
    change = next;
  }
}

/** undefined when it is not known: the step itself says why. */
function targetOf(hub: EndHistory, state: EndState): RollbackTarget | undefined {
  try {
    return stepBack(hub, state);
  } catch {
    return undefined;
  }
}

/**
 * The newest change whose state either end of the tunnel is in. undefined: none of ours made it what it is, or what was there before is not
 * known because vxfleet found it so.
 */
function newestChange(hub: EndHistory): string | undefined {
  const head = confirmedHead(hub);
  if (head === undefined) return undefined;
  const state = stateAfter(hub, head);
  const own = changeOf(state);
  const isBase =
    state.kind === 'generation' && state.record.outcome === 'found' && olderThan(hub, state.record).length === 0;
  // What was found at the spoke alone is undone only where something is known to have been there before.
  if (own === null || isBase) return undefined;
  const other = changeAtSpoke(hub, head);
  return other !== null && byRun(other, own) > 0 ? other : own;
}

/** What a failed run found on its way is passed by when the run before it is undone. */
const confirmedHead = (hub: EndHistory): HistoryRecord | undefined =>
  generationsOf(hub).findLast(({ outcome }) => outcome === 'confirmed');

/** The change whose state the spoke's end is in, by what the hub knows of it; null when it does not. */
function changeAtSpoke(hub: EndHistory, record: HistoryRecord): string | null {
  if (record.restores === null) return record.change;
  const { otherRestores } = record;
  if (otherRestores === null || otherRestores === FIRST) return null;
  const known = olderThan(hub, record).findLast(({ change }) => change === otherRestores);
  return known === undefined ? otherRestores : changeAtSpoke(hub, known);
}
