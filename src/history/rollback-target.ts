/**
 * What an end goes back to. Its generations are g1 … gn; each is a state of its own, but for a rollback's, which is the state of the
 * generation that it put back. So rolling back twice goes two states back, and a deploy after a rollback goes back to what it replaced.
 */
import { VxfleetError } from '../errors.js';
import { runOf } from './change-id.js';
import { FIRST, generationsOf, isGeneration, type EndHistory, type HistoryRecord } from './record.js';

/** `undo`: the state before this change. `to`: the state that this run left. */
export type RollbackRequest = { readonly undo: string } | { readonly to: string };

export type RollbackTarget =
  | {
      readonly kind: 'generation';
      readonly record: HistoryRecord;
      /** For the new generation's own record. */
      readonly restores: string;
    }
  /** Before the first generation: no file and no tunnel. */
  | { readonly kind: 'absent'; readonly restores: typeof FIRST };

/** Where an end stands: in the state that a generation made, before the first of them, or in one that is no longer kept. */
export type EndState =
  | { readonly kind: 'generation'; readonly record: HistoryRecord }
  | { readonly kind: 'before-first' }
  | { readonly kind: 'not-kept'; readonly restores: string };

/**
 * The state that this generation of the end left. A rollback puts back something older than itself, so looking only at what stands
 * before it ends, whatever the records say.
 */
export function stateAfter(history: EndHistory, generation: HistoryRecord): EndState {
  const { restores } = generation;
  if (restores === null) return { kind: 'generation', record: generation };
  if (restores === FIRST) return { kind: 'before-first' };
  const restored = olderThan(history, generation).findLast(({ change }) => change === restores);
  return restored === undefined ? { kind: 'not-kept', restores } : stateAfter(history, restored);
}

/** The state that a rollback to this target leaves. */
export const stateOf = (history: EndHistory, target: RollbackTarget): EndState =>
  target.kind === 'absent' ? { kind: 'before-first' } : stateAfter(history, target.record);

/** The change that made the state; null: none did. */
export function changeOf(state: EndState): string | null {
  switch (state.kind) {
    case 'before-first':
      return null;
    case 'not-kept':
      return state.restores;
    case 'generation':
      return state.record.change;
  }
}

/** The state before this one. Throws `refused` when it is not known. */
export function stepBack(history: EndHistory, state: EndState): RollbackTarget {
  switch (state.kind) {
    case 'before-first':
      throw refusal(history, 'is where it was before its first deploy already');
    case 'not-kept':
      throw refusal(history, `is in the state of run ${runOf(state.restores)}, and what was before that is not kept`);
    case 'generation': {
      const before = olderThan(history, state.record).at(-1);
      return before === undefined ? beforeFirst(history) : goTo(before);
    }
  }
}

/** Back to what this generation keeps. */
export const goTo = (record: HistoryRecord): RollbackTarget => ({
  kind: 'generation',
  record,
  restores: record.change,
});

/** Generations, oldest first. */
export const olderThan = (history: EndHistory, { sequence }: HistoryRecord): readonly HistoryRecord[] =>
  generationsOf(history).filter((one) => one.sequence < sequence);

/**
 * Nothing was there before the first generation if that one found nothing, and if it is the first: every record up to it is still
 * kept. Hosts forget generations and failures apart, so that the oldest record alone says nothing.
 */
export function beforeFirst(history: EndHistory): RollbackTarget {
  const first = history.records.findIndex(isGeneration);
  const { sequence, outcome } = history.records[first] ?? {};
  if (sequence !== first + 1) throw refusal(history, 'has nothing older that is still kept');
  if (outcome === 'found') throw refusal(history, 'is as vxfleet found it, and what was there before is not known');
  return { kind: 'absent', restores: FIRST };
}

const refusal = ({ host, interface: name }: EndHistory, why: string): VxfleetError =>
  new VxfleetError('refused', `${name} at ${host} ${why}`, {
    host,
    hint: 'A run that is kept can be put back with --to RUN: `vxfleet history` lists them.',
  });
