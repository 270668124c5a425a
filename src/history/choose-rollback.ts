/** Which tunnels a rollback is about, and what both ends of each go back to. */
import { VxfleetError } from '../errors.js';
import type { End } from '../plan/plan.js';
import { finderOf, foundBefore } from './change-id.js';
import { outcomeText } from './outcome-text.js';
import { FIRST, generationsOf, type EndHistory, type HistoryRecord } from './record.js';
import {
  beforeFirst,
  goTo,
  stateAfter,
  stepBack,
  type EndState,
  type RollbackRequest,
  type RollbackTarget,
} from './rollback-target.js';

/**
 * The run that changed any of these last: that of the newest head. What was found at a tunnel was no run of ours, and is undone only
 * where nothing else is selected. undefined when none has a generation.
 * @param histories the hub's ends of the selected tunnels
 */
export function lastRun(histories: readonly EndHistory[]): string | undefined {
  const heads = histories.flatMap((history) => headOf(history) ?? []).sort(byAge);
  return (heads.findLast(({ outcome }) => outcome === 'confirmed') ?? heads.at(-1))?.run;
}

/** Does this tunnel take part? To undo a run, it must be the last that changed the tunnel. What was found may be at the spoke alone. */
export function takesPart(hub: EndHistory, request: RollbackRequest): boolean {
  if ('undo' in request) return headOf(hub)?.run === request.undo;
  return generationsOf(hub).some(({ run }) => run === request.to || foundBefore(run) === request.to);
}

/**
 * What each end goes back to; undefined: it is left alone, because nothing of it is kept.
 * Throws `refused` when neither end has a generation of the run, or when the state to go back to is not known.
 */
export function chooseRollback(
  ends: Readonly<Record<End, EndHistory>>,
  request: RollbackRequest,
): Readonly<Record<End, RollbackTarget | undefined>> {
  const run = 'to' in request ? request.to : request.undo;
  const hub = generationOf(ends.hub, run);
  const spoke = generationOf(ends.spoke, run);
  const known = hub ?? spoke;
  if (known === undefined) throw unknownRun([ends.hub, ends.spoke], run);
  const order = orderOf(ends.hub);
  if ('to' in request) {
    return { hub: stateThen(ends.hub, hub ?? known, order), spoke: stateThen(ends.spoke, spoke ?? known, order) };
  }
  return undoAt(ends, { hub: hub ?? headOf(ends.hub), spoke: spoke ?? headOf(ends.spoke) });
}

/** An end that the run did not change goes to what it had then: both ends are to belong together. */
function stateThen(history: EndHistory, then: HistoryRecord, order: Order): RollbackTarget | undefined {
  const generations = generationsOf(history);
  const state = generations.findLast((one) => order(one, then) <= 0);
  if (state !== undefined) return goTo(state);
  return generations.length === 0 ? undefined : beforeFirst(history);
}

/**
 * One state back. Not every run changes both ends, and a file may be edited at one of them: the end whose state is the newer one goes
 * back alone, and the other stays in its own.
 */
function undoAt(
  ends: Readonly<Record<End, EndHistory>>,
  last: Readonly<Record<End, HistoryRecord | undefined>>,
): Readonly<Record<End, RollbackTarget | undefined>> {
  const hub = last.hub === undefined ? undefined : stateAfter(ends.hub, last.hub);
  const spoke = last.spoke === undefined ? undefined : stateAfter(ends.spoke, last.spoke);
  const order = hub === undefined || spoke === undefined ? 0 : byState(hub, spoke, orderOf(ends.hub));
  const isBack = { hub: hub !== undefined && order >= 0, spoke: spoke !== undefined && order <= 0 };
  return {
    hub: hub === undefined ? undefined : isBack.hub ? stepBack(ends.hub, hub) : stay(hub),
    spoke: spoke === undefined ? undefined : isBack.spoke ? stepBack(ends.spoke, spoke) : stay(spoke),
  };
}

/** Of two states, which is the newer one; 0 also when that is not known. */
function byState(a: EndState, b: EndState, order: Order): number {
  if (a.kind === 'generation' && b.kind === 'generation') return order(a.record, b.record);
  if (a.kind === 'generation' && b.kind === 'before-first') return 1;
  return a.kind === 'before-first' && b.kind === 'generation' ? -1 : 0;
}

const stay = (state: EndState): RollbackTarget =>
  state.kind === 'generation' ? goTo(state.record) : { kind: 'absent', restores: FIRST };

/** The error for a run of which none of these has a generation: it says what became of the run, and which ones are kept. */
export function unknownRun(histories: readonly EndHistory[], run: string): VxfleetError {
  const outcome = histories.flatMap(({ records }) => records).find((record) => record.run === run)?.outcome;
  const runs = new Set(
    histories
      .flatMap(generationsOf)
      .sort(byAge)
      .reverse()
      .map((generation) => generation.run),
  );
  const shown = [...runs].slice(0, SHOWN_RUNS);
  const more = runs.size - shown.length;
  return new VxfleetError(
    'refused',
    outcome === undefined
      ? `no generation of run ${run} is kept`
      : `run ${run} changed nothing: ${outcomeText(outcome)}`,
    {
      hint:
        shown.length === 0
          ? 'No generation is kept at all.'
          : `Kept, newest first: ${shown.join(', ')}${more > 0 ? ` and ${more} more (vxfleet history)` : ''}.`,
    },
  );
}

/** As many as one tunnel keeps. */
const SHOWN_RUNS = 10;

const generationOf = (history: EndHistory, run: string): HistoryRecord | undefined =>
  generationsOf(history).findLast((generation) => generation.run === run);

const headOf = (history: EndHistory): HistoryRecord | undefined => generationsOf(history).at(-1);

/** Oldest first; of two of one second, by run. */
const byAge = (a: HistoryRecord, b: HistoryRecord): number =>
  Number(a.time > b.time) - Number(a.time < b.time) || Number(a.run > b.run) - Number(a.run < b.run);

type Order = (a: HistoryRecord, b: HistoryRecord) => number;

/**
 * The order of what both ends of a tunnel keep: the hub's, which names every change, and by time what the hub has forgotten (controllers'
 * clocks may differ). What was found before a run stands before it.
 */
function orderOf(hub: EndHistory): Order {
  const place = ({ change, outcome }: HistoryRecord): number | undefined => {
    const known = hub.records.findLast((record) => record.change === finderOf(change));
    return known === undefined ? undefined : known.sequence - (outcome === 'found' ? 0.5 : 0);
  };
  return (a, b) => {
    if (a.change === b.change) return 0;
    const [left, right] = [place(a), place(b)];
    return left === undefined || right === undefined ? compareText(timeOf(a), timeOf(b)) : left - right;
  };
}

const timeOf = ({ time, run, outcome }: HistoryRecord): string =>
  `${time} ${finderOf(run)} ${outcome === 'found' ? 0 : 1}`;

const compareText = (a: string, b: string): number => Number(a > b) - Number(a < b);
