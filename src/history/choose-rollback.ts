/** Which tunnels a rollback is about, and what both ends of each go back to. */
import { VxfleetError } from '../errors.js';
import type { End } from '../plan/plan.js';
import { outcomeText } from './outcome-text.js';
import { generationsOf, type EndHistory, type HistoryRecord } from './record.js';
import { rollbackTarget, type RollbackRequest, type RollbackTarget } from './rollback-target.js';

/**
 * The run that changed any of these last: that of the newest head. What was found at a tunnel was no run of ours, and is undone only
 * where nothing else is selected. undefined when none has a generation.
 * @param histories the hub's ends of the selected tunnels
 */
export function lastRun(histories: readonly EndHistory[]): string | undefined {
  const heads = histories.flatMap((history) => headOf(history) ?? []).sort(byAge);
  return (heads.findLast(({ outcome }) => outcome === 'confirmed') ?? heads.at(-1))?.run;
}

/** Does this tunnel take part? To undo a run, it must be the last that changed the tunnel. */
export function takesPart(hub: EndHistory, request: RollbackRequest): boolean {
  if ('undo' in request) return headOf(hub)?.run === request.undo;
  return generationsOf(hub).some(({ run }) => run === request.to);
}

/**
 * What each end goes back to; undefined: it is left alone, because the run did not change it.
 * Throws `refused` when neither end has a generation of the run, or when the state to go back to is not known.
 */
export function chooseRollback(
  ends: Readonly<Record<End, EndHistory>>,
  request: RollbackRequest,
): Readonly<Record<End, RollbackTarget | undefined>> {
  const hub = rollbackTarget(ends.hub, request);
  const spoke = rollbackTarget(ends.spoke, request);
  if (hub === undefined && spoke === undefined) {
    throw unknownRun([ends.hub, ends.spoke], 'to' in request ? request.to : request.undo);
  }
  return { hub, spoke };
}

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

const headOf = (history: EndHistory): HistoryRecord | undefined => generationsOf(history).at(-1);

/** Oldest first; of two of one second, by run. */
const byAge = (a: HistoryRecord, b: HistoryRecord): number =>
  Number(a.time > b.time) - Number(a.time < b.time) || Number(a.run > b.run) - Number(a.run < b.run);
