import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import { runOf } from '../../src/history/change-id.js';
import { FIRST, generationsOf, type EndHistory, type HistoryRecord } from '../../src/history/record.js';
import {
  goTo,
  stateAfter,
  stepBack,
  type RollbackRequest,
  type RollbackTarget,
} from '../../src/history/rollback-target.js';
import { endHistory, record } from './sample-records.js';

/** For one end alone; undefined: it has no generation of this run. */
function rollbackTarget(history: EndHistory, request: RollbackRequest): RollbackTarget | undefined {
  const run = 'to' in request ? request.to : request.undo;
  const generation = generationsOf(history).findLast((one) => one.run === run);
  if (generation === undefined) return undefined;
  return 'to' in request ? goTo(generation) : stepBack(history, stateAfter(history, generation));
}

/** The run of the target, `first`, or the refusal's message. */
function undo(records: readonly HistoryRecord[], run = records.at(-1)?.run ?? ''): string | undefined {
  try {
    const target = rollbackTarget(endHistory(records), { undo: run });
    return target && runOf(target.restores);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('stepBack', () => {
  it('is the generation before', () => {
    expect(undo([record(1), record(2), record(3)])).toBe('run-2');
  });

  it('is nothing at all before the first generation', () => {
    expect(rollbackTarget(endHistory([record(1)]), { undo: 'run-1' })).toEqual({ kind: 'absent', restores: FIRST });
  });

  it('goes one state further back after a rollback', () => {
    const rolledBack = [record(1), record(2), record(3), record(4, { restores: 'run-2' })];
    expect(undo(rolledBack)).toBe('run-1');
    expect(undo([...rolledBack, record(5, { restores: 'run-1' })])).toBe(FIRST);
  });

  it('goes back to what a rollback had put back, when something was deployed since', () => {
    expect(undo([record(1), record(2), record(3, { restores: 'run-1' }), record(4)])).toBe('run-3');
  });

  it('goes back to a removed tunnel by removing it again', () => {
    const removed = record(2, { restores: FIRST, hasFile: false });
    expect(undo([record(1), removed, record(3)])).toBe('run-2');
  });

  it('skips what came to nothing', () => {
    const failures = (['reverted', 'window', 'session', 'peer'] as const).map((outcome, n) =>
      record(n + 2, { outcome }),
    );
    expect(undo([record(1), ...failures, record(6)])).toBe('run-1');
  });

  it('goes back to what was found', () => {
    expect(undo([record(1), record(2, { outcome: 'found', run: 'before-run-3' }), record(3)])).toBe('before-run-3');
  });

  it('undoes a run that is not the last one of this end', () => {
    expect(undo([record(1), record(2), record(3)], 'run-2')).toBe('run-1');
  });

  it('has no target at an end that the run did not change', () => {
    expect(undo([record(1)], 'run-9')).toBeUndefined();
    expect(rollbackTarget(endHistory([]), { to: 'run-9' })).toBeUndefined();
    const reverted = endHistory([record(1), record(2, { outcome: 'reverted' })]);
    expect(rollbackTarget(reverted, { to: 'run-2' })).toBeUndefined();
  });

  it('is the generation of the run that was asked for', () => {
    const history = endHistory([record(1), record(2), record(3, { restores: 'run-1' })]);
    for (const one of history.records) {
      expect(rollbackTarget(history, { to: one.run })).toEqual({
        kind: 'generation',
        record: one,
        restores: one.change,
      });
    }
  });

  it.each<[string, readonly HistoryRecord[], string]>([
    ['nothing older is kept', [record(2)], 'vxlan01 at hub has nothing older that is still kept'],
    [
      'only a failure from before the forgotten generations is kept',
      [record(1, { outcome: 'reverted' }), record(3)],
      'vxlan01 at hub has nothing older that is still kept',
    ],
    [
      'what was there before is not known',
      [record(1, { outcome: 'found' })],
      'vxlan01 at hub is as vxfleet found it, and what was there before is not known',
    ],
    [
      'that was so too when a trial had failed before',
      [record(1, { outcome: 'reverted' }), record(2, { outcome: 'found' })],
      'vxlan01 at hub is as vxfleet found it, and what was there before is not known',
    ],
    [
      'it is there already',
      [record(1), record(2, { restores: FIRST })],
      'vxlan01 at hub is where it was before its first deploy already',
    ],
    [
      'what a rollback put back is forgotten',
      [record(8), record(9, { restores: 'run-2' })],
      'vxlan01 at hub is in the state of run run-2, and what was before that is not kept',
    ],
    [
      'a record says that it put back itself',
      [record(1), record(2, { restores: 'run-2' })],
      'vxlan01 at hub is in the state of run run-2, and what was before that is not kept',
    ],
  ])('refuses when %s', (_, records, message) => {
    expect(undo(records)).toBe(message);
  });

  it('removes a tunnel whose first trials failed', () => {
    expect(undo([record(1, { outcome: 'reverted' }), record(2, { outcome: 'window' }), record(3)])).toBe(FIRST);
  });
});

/** Text of a state; null is no tunnel. */
type State = string | null;
interface Action {
  readonly kind: 'deploy' | 'undo' | 'to' | 'fail' | 'edit';
  /** Which of the kept generations `to` goes to. */
  readonly pick: number;
}

const UNKNOWN = Symbol('what was there before the first record');

/**
 * An end as its host keeps it, beside the obvious model: a stack of states, on which a deploy puts one and from which a rollback takes
 * one; each generation remembers the whole stack it left.
 */
class ModelledEnd {
  records: HistoryRecord[] = [];
  live: State;
  stack: readonly (State | typeof UNKNOWN)[];
  readonly #kept: number;
  readonly #texts = new Map<string, State>();
  readonly #stacks = new Map<string, readonly (State | typeof UNKNOWN)[]>();
  #count = 0;
  #sequence = 0;

  constructor(kept: number, live: State = null) {
    this.#kept = kept;
    this.live = live;
    this.stack = live === null ? [null] : [UNKNOWN];
  }

  get history(): EndHistory {
    return endHistory(this.records);
  }

  get head(): HistoryRecord | undefined {
    return generationsOf(this.history).at(-1);
  }

  textOf(target: RollbackTarget): State {
    return target.kind === 'absent' ? null : (this.#texts.get(target.record.run) ?? null);
  }

  edit(): void {
    this.live = `edited ${++this.#count}`;
  }

  deploy(): void {
    const text = `text ${++this.#count}`;
    this.#keepFound();
    this.#keep(`run-${this.#count}`, 'confirmed', null, text, [...this.stack, text]);
  }

  fail(): void {
    this.#keepFound();
    this.#append(record(0, { outcome: 'reverted', run: `run-${++this.#count}` }));
  }

  restore(target: RollbackTarget, stack: readonly (State | typeof UNKNOWN)[]): void {
    this.#keepFound();
    this.#keep(`run-${++this.#count}`, 'confirmed', target.restores, this.textOf(target), stack);
  }

  stackOf(run: string): readonly (State | typeof UNKNOWN)[] {
    return this.#stacks.get(run) ?? [];
  }

  /** As write_found of host.pl. */
  #keepFound(): void {
    const known = this.head === undefined ? null : (this.#texts.get(this.head.run) ?? null);
    if (this.live === known) return;
    this.#keep(`before-${++this.#count}`, 'found', null, this.live, [...this.stack, this.live]);
  }

  #keep(
    run: string,
    outcome: 'confirmed' | 'found',
    restores: string | null,
    text: State,
    stack: readonly (State | typeof UNKNOWN)[],
  ): void {
    this.#append(record(0, { run, outcome, restores, hasFile: text !== null }));
    this.#texts.set(run, text);
    this.#stacks.set(run, stack);
    this.stack = stack;
    this.live = text;
  }

  /** Generations and the rest are forgotten apart. */
  #append(made: HistoryRecord): void {
    this.#sequence += 1;
    const all = [...this.records, { ...made, sequence: this.#sequence }];
    const isGeneration = ({ outcome }: HistoryRecord) => outcome === 'confirmed' || outcome === 'found';
    const kept = new Set([
      ...all.filter(isGeneration).slice(-this.#kept),
      ...all.filter((one) => !isGeneration(one)).slice(-this.#kept),
    ]);
    this.records = all.filter((one) => kept.has(one));
  }
}

/** Rolls the head back; false when that is refused. The target is always what the stack says. */
function rollBack(end: ModelledEnd): boolean {
  const { head } = end;
  if (head === undefined) return false;
  const stack = end.stackOf(head.run).slice(0, -1);
  let target: RollbackTarget | undefined;
  try {
    target = rollbackTarget(end.history, { undo: head.run });
  } catch (error) {
    expect(error).toBeInstanceOf(VxfleetError);
    return false;
  }
  if (target === undefined) throw new Error('the head has a generation');
  expect(end.textOf(target)).toBe(stack.at(-1));
  if (target.kind === 'generation') expect(end.records).toContain(target.record);
  end.restore(target, stack);
  return true;
}

const KINDS = ['deploy', 'deploy', 'deploy', 'undo', 'undo', 'undo', 'to', 'fail', 'edit'] as const;
const actions = fc.array(fc.record<Action>({ kind: fc.constantFrom(...KINDS), pick: fc.nat() }), { maxLength: 40 });
const FIRST_DEPLOY: Action = { kind: 'deploy', pick: 0 };

function play(end: ModelledEnd, steps: readonly Action[]): void {
  for (const step of steps) {
    if (step.kind === 'deploy') end.deploy();
    else if (step.kind === 'fail') end.fail();
    else if (step.kind === 'edit') end.edit();
    else if (step.kind === 'undo') rollBack(end);
    else {
      const generations = generationsOf(end.history);
      const run = generations[step.pick % Math.max(generations.length, 1)]?.run;
      if (run === undefined) continue;
      const target = rollbackTarget(end.history, { to: run });
      if (target !== undefined) end.restore(target, end.stackOf(run));
    }
  }
}

describe('rolling back again and again', () => {
  it('visits each older state once and ends without a tunnel, whatever was done before', () => {
    fc.assert(
      fc.property(actions, (steps) => {
        const end = new ModelledEnd(Infinity);
        play(end, [FIRST_DEPLOY, ...steps]);
        for (let left = end.stack.length; rollBack(end); left -= 1) expect(left).toBeGreaterThan(1);
        expect(end.stack).toEqual([null]);
      }),
    );
  });

  it('ends at the file that stood there before the first deploy', () => {
    fc.assert(
      fc.property(actions, (steps) => {
        const end = new ModelledEnd(Infinity, 'foreign');
        play(end, [FIRST_DEPLOY, ...steps]);
        while (rollBack(end));
        expect(end.stack[0]).toBe(UNKNOWN);
        expect(end.stack).toHaveLength(2);
      }),
    );
  });

  it('with ten generations kept goes back rightly or not at all', () => {
    fc.assert(
      fc.property(actions, fc.constantFrom<State>(null, 'foreign'), (steps, live) => {
        const end = new ModelledEnd(10, live);
        play(end, steps);
        let count = 0;
        while (rollBack(end)) expect(++count).toBeLessThanOrEqual(10);
      }),
      { numRuns: 300 },
    );
  });

  it('goes back five times with ten generations kept: each time a new one takes the place of the oldest', () => {
    const end = new ModelledEnd(10);
    for (let n = 0; n < 30; n += 1) end.deploy();
    let count = 0;
    while (rollBack(end)) count += 1;
    expect(count).toBe(5);
  });
});
