import { describe, expect, it } from 'vitest';
import type { VxfleetError } from '../../src/errors.js';
import { runOf } from '../../src/history/change-id.js';
import { FIRST } from '../../src/history/record.js';
import { chooseRollback, unknownRun } from '../../src/history/choose-rollback.js';
import { endHistory, record } from './sample-records.js';

const [first, second, third] = [record(1), record(2), record(3)];

describe('chooseRollback', () => {
  const ends = (hub: readonly (typeof first)[], spoke: readonly (typeof first)[]) => ({
    hub: endHistory(hub),
    spoke: endHistory(spoke, 'tokyo'),
  });

  it('resolves each end by itself', () => {
    const { hub, spoke } = chooseRollback(ends([first, second], [second]), { to: 'run-2' });
    expect([hub?.restores, spoke?.restores]).toEqual(['run-2.1', 'run-2.1']);
    const edited = record(2, { outcome: 'found', run: 'before-run-3' });
    const undone = chooseRollback(ends([first, third], [first, edited, third]), { undo: 'run-3.1' });
    expect([undone.hub?.restores, undone.spoke?.restores]).toEqual(['run-1.1', 'before-run-3.1']);
  });

  /** The runs that the hub and the spoke go back to. */
  const restored = (...[both, request]: Parameters<typeof chooseRollback>) => {
    const { hub, spoke } = chooseRollback(both, request);
    return [hub, spoke].map((target) => target && runOf(target.restores));
  };

  it('leaves an end where it was that the run did not change', () => {
    expect(restored(ends([first, second], [first]), { undo: 'run-2.1' })).toEqual(['run-1', 'run-1']);
    expect(restored(ends([first], [first, second]), { undo: 'run-2.1' })).toEqual(['run-1', 'run-1']);
  });

  it('leaves an end alone of which nothing is kept', () => {
    expect(restored(ends([first, second], []), { undo: 'run-2.1' })).toEqual(['run-1', undefined]);
    expect(restored(ends([first, second], []), { to: 'run-1' })).toEqual(['run-1', undefined]);
  });

  it('takes both ends one step back again after a run that changed one of them', () => {
    const afterwards = [first, second, third, record(4, { restores: 'run-2' })];
    expect(restored(ends(afterwards, [first, second]), { undo: 'run-2.1' })).toEqual(['run-1', 'run-1']);
  });

  it('goes by the order of the hub, whatever the clocks of the controllers said', () => {
    const late = record(2, { time: '2026-11-23T11:00:00Z' });
    expect(restored(ends([first, late], [first]), { undo: 'run-2.1' })).toEqual(['run-1', 'run-1']);
    expect(restored(ends([first, late, third], [first, third]), { to: 'run-2' })).toEqual(['run-2', 'run-1']);
  });

  it('takes an edit at one end back by itself, and both ends with the step after that', () => {
    const edited = record(2, { outcome: 'found', run: 'before-run-3', time: third.time });
    const hub = [first, third, record(4, { restores: 'run-1' })];
    const spoke = [first, edited, third, record(4, { restores: 'before-run-3' })];
    expect(restored(ends(hub, spoke), { undo: 'before-run-3.1' })).toEqual(['run-1', 'run-1']);
    const again = record(5, { restores: 'run-1' });
    expect(restored(ends([...hub, again], [...spoke, again]), { undo: 'run-1.1' })).toEqual([FIRST, FIRST]);
  });

  it('goes, at an end that the run did not change, to what it had then', () => {
    const edited = record(2, { outcome: 'found', run: 'before-run-3', time: third.time });
    const found = ends([first, third], [first, edited, third]);
    expect(restored(found, { to: 'before-run-3' })).toEqual(['run-1', 'before-run-3']);
    expect(restored(ends([first, second, third], [first, third]), { to: 'run-2' })).toEqual(['run-2', 'run-1']);
    expect(() => chooseRollback(ends([first, second, third], [third]), { to: 'run-2' })).toThrow(
      /tokyo has nothing older/,
    );
  });

  it('refuses a run that neither end keeps, and says which are kept', () => {
    try {
      chooseRollback(ends([first, third], [first, second]), { to: 'run-7' });
      expect.unreachable();
    } catch (error) {
      const { code, message, hint } = error as VxfleetError;
      expect(code).toBe('usage');
      expect(message).toBe('no generation of run run-7 is kept');
      expect(hint).toBe('Kept, newest first: run-3, run-2, run-1.');
    }
  });

  it('goes past what a failed run has found since', () => {
    const edited = record(2, { outcome: 'found', run: 'before-run-3' });
    expect(restored(ends([first, edited], [first]), { undo: 'run-1.1' })).toEqual([FIRST, FIRST]);
  });

  it('leaves an end alone whose state is older and no longer kept', () => {
    const forgotten = record(8, { restores: 'run-1' });
    expect(restored(ends([second, third], [forgotten]), { undo: 'run-3.1' })).toEqual(['run-2', undefined]);
  });

  it('names the host whose past is not known', () => {
    try {
      chooseRollback(ends([first, second], [second]), { undo: 'run-2.1' });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'refused', host: 'tokyo' });
    }
  });
});

describe('unknownRun', () => {
  it('says how a run ended that changed nothing', () => {
    const error = unknownRun([endHistory([first, record(2, { outcome: 'session' })])], 'run-2');
    expect(error.message).toBe('run run-2 changed nothing: reverted by the host (session ended)');
  });

  it('lists no more runs than can be read', () => {
    const many = Array.from({ length: 14 }, (_, n) => record(n + 1, { run: `run-${n + 10}` }));
    expect(unknownRun([endHistory(many)], 'x').hint).toMatch(/^Kept, newest first: run-23, .*, run-14 and 4 more/);
    expect(unknownRun([], 'x').hint).toBe('No generation is kept at all.');
  });
});
