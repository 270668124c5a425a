/** What the two ends of a tunnel go back to. */
import { VxfleetError } from '../errors.js';
import type { End } from '../plan/plan.js';
import { foundBefore } from './change-id.js';
import { byRun, orderOf, type ChangeOrder } from './change-order.js';
import { outcomeText } from './outcome-text.js';
import { FIRST, generationsOf, type EndHistory, type HistoryRecord } from './record.js';
import {
  beforeFirst,
  changeOf,
  goTo,
  stateAfter,
  stateOf,
  stepBack,
  type EndState,
  type RollbackRequest,
  type RollbackTarget,
} from './rollback-target.js';

/**
 * What each end goes back to; undefined: it is left alone, because nothing of it is kept.
 * Throws `refused` when neither end has a generation of the run, or when the state to go back to is not known.
 */
export function chooseRollback(
  ends: Readonly<Record<End, EndHistory>>,
  request: RollbackRequest,
): Readonly<Record<End, RollbackTarget | undefined>> {
  const order = orderOf(ends.hub);
  if ('undo' in request) {
    return { hub: goBefore(ends.hub, request.undo, order), spoke: goBefore(ends.spoke, request.undo, order) };
  }
  const hub = generationOf(ends.hub, request.to);
  const spoke = generationOf(ends.spoke, request.to);
  const known = hub ?? spoke;
  if (known === undefined) throw unknownRun([ends.hub, ends.spoke], request.to);
  return { hub: stateThen(ends.hub, hub ?? known, order), spoke: stateThen(ends.spoke, spoke ?? known, order) };
}

/** An end that the run did not change goes to what it had then: both ends are to belong together. */
function stateThen(history: EndHistory, then: HistoryRecord, order: ChangeOrder): RollbackTarget | undefined {
  const generations = generationsOf(history);
  const state = generations.findLast((one) => order(one.change, then.change) <= 0);
  if (state !== undefined) return goTo(state);
  return generations.length === 0 ? undefined : beforeFirst(history);
}

/**
 * The state before a change. Not every change is one of both ends, and a file may be edited at one of them: an end that is in an older
 * state stays in it, and one that is in a newer one goes back past it.
 */
function goBefore(history: EndHistory, undone: string, order: ChangeOrder): RollbackTarget | undefined {
  const head = generationsOf(history).at(-1);
  if (head === undefined) return undefined;
  let state = stateAfter(history, head);
  let target = stay(state);
  while (isSince(state, undone, order)) {
    target = stepBack(history, state);
    state = stateOf(history, target);
  }
  return target;
}

function isSince(state: EndState, undone: string, order: ChangeOrder): boolean {
  const change = changeOf(state);
  return change !== null && order(change, undone) >= 0;
}

function stay(state: EndState): RollbackTarget | undefined {
  switch (state.kind) {
    case 'generation':
      return goTo(state.record);
    case 'before-first':
      return { kind: 'absent', restores: FIRST };
    case 'not-kept':
      return undefined;
  }
}

/**
 * The error for a run of which none of these has a generation: it says what became of the run, and which ones are kept. `usage` for a run that
 * nobody knows.
 */
export function unknownRun(histories: readonly EndHistory[], run: string): VxfleetError {
  const outcome = histories.flatMap(({ records }) => records).find((record) => record.run === run)?.outcome;
  const changes = histories.flatMap(generationsOf).toSorted((a, b) => byRun(b.change, a.change));
  const runs = [...new Set(changes.map((generation) => generation.run))];
  const shown = runs.slice(0, SHOWN_RUNS);
  const more = runs.length - shown.length;
  return new VxfleetError(
    outcome === undefined ? 'usage' : 'refused',
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

/** The last state that the run left here, or what it found. */
export const generationOf = (history: EndHistory, run: string): HistoryRecord | undefined =>
  generationsOf(history).findLast((generation) => generation.run === run);

/** Is it kept what this run left, or what it found? What it found may be at the spoke alone. */
export const keepsRun = (hub: EndHistory, run: string): boolean =>
  generationsOf(hub).some((generation) => generation.run === run || foundBefore(generation.run) === run);
