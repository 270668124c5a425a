/**
 * What an end goes back to. Its generations are g1 … gn; each is a state of its own, but for a rollback's, which is the state of the
 * generation that it put back. So rolling back twice goes two states back, and a deploy after a rollback goes back to what it replaced.
 */
import { VxfleetError } from '../errors.js';
import { FIRST, generationsOf, isGeneration, type EndHistory, type HistoryRecord } from './record.js';

/** `undo`: the state before this run. `to`: the state that this run left. */
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

/**
 * undefined: the end has no generation of this run, and is left alone.
 * Throws `refused` when the state before it is not known.
 */
export function rollbackTarget(history: EndHistory, request: RollbackRequest): RollbackTarget | undefined {
  const generations = generationsOf(history);
  const run = 'to' in request ? request.to : request.undo;
  const index = generations.findLastIndex((generation) => generation.run === run);
  if (index < 0) return undefined;
  if ('to' in request) return generationTarget(generations[index]);

  const state = resolveState(generations, index);
  if (state === 'before-first') throw refusal(history, 'is where it was before its first deploy already');
  if (state === 'not-kept') {
    throw refusal(
      history,
      `is in the state of run ${generations[index]?.restores}, and what was before that is not kept`,
    );
  }
  return generationTarget(generations[state - 1]) ?? beforeFirst(history);
}

/**
 * The index of the generation that made the state which `index` left. A rollback puts back something older than itself, so looking
 * only at what stands before it ends, whatever the records say.
 */
function resolveState(generations: readonly HistoryRecord[], index: number): number | 'before-first' | 'not-kept' {
  const restores = generations[index]?.restores ?? null;
  if (restores === null) return index;
  if (restores === FIRST) return 'before-first';
  const restored = generations.slice(0, index).findLastIndex(({ run }) => run === restores);
  return restored < 0 ? 'not-kept' : resolveState(generations, restored);
}

const generationTarget = (record: HistoryRecord | undefined): RollbackTarget | undefined =>
  record === undefined ? undefined : { kind: 'generation', record, restores: record.run };

/**
 * Nothing was there before the first generation if that one found nothing, and if it is the first: every record up to it is still
 * kept. Hosts forget generations and failures apart, so that the oldest record alone says nothing.
 */
function beforeFirst(history: EndHistory): RollbackTarget {
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
