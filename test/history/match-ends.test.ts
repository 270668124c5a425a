import { describe, expect, it } from 'vitest';
import { matchEnds } from '../../src/history/match-ends.js';
import type { HostHistory } from '../../src/history/read-history.js';
import type { HistoryRecord } from '../../src/history/record.js';
import { record } from './sample-records.js';

function hostHistory(host: string, records: readonly HistoryRecord[]): HostHistory {
  const names = [...new Set(records.map((one) => one.interface))];
  const endOf = (name: string) => ({ host, interface: name, records: records.filter((one) => one.interface === name) });
  return { host, ends: new Map(names.map((name) => [name, endOf(name)])), damagedHeads: [], warnings: [] };
}

const at = (time: string, run: string, more: Partial<HistoryRecord> = {}): HistoryRecord =>
  record(1, { time, run, ...more });
const atSpoke = { end: 'spoke' } as const;

describe('matchEnds', () => {
  it('joins both ends of a tunnel by the run, newest first', () => {
    const hub = hostHistory('hub', [
      at('2026-11-23T12:00:00Z', 'a'),
      at('2026-11-23T13:00:00Z', 'b', { restores: 'first' }),
    ]);
    const spoke = hostHistory('tokyo', [
      at('2026-11-23T12:00:00Z', 'a', atSpoke),
      at('2026-11-23T13:00:00Z', 'b', { ...atSpoke, outcome: 'reverted' }),
    ]);
    expect(matchEnds([hub, spoke]).map(({ run, ends }) => [run, ends])).toEqual([
      ['b', { hub: { outcome: 'confirmed', restores: 'first' }, spoke: { outcome: 'reverted', restores: null } }],
      ['a', { hub: { outcome: 'confirmed', restores: null }, spoke: { outcome: 'confirmed', restores: null } }],
    ]);
  });

  it('says of an end without a record that there is none', () => {
    const time = '2026-11-23T12:00:00Z';
    expect(matchEnds([hostHistory('hub', [at(time, 'a')])])[0]?.ends.spoke).toBeNull();
    expect(matchEnds([hostHistory('tokyo', [at(time, 'a', atSpoke)])])[0]?.ends.hub).toBeNull();
  });

  it('keeps the tunnels of one run apart, in the order of their ids', () => {
    const time = '2026-11-23T12:00:00Z';
    const hub = hostHistory('hub', [
      at(time, 'a', { interface: 'vxlan1000', spoke: 'far' }),
      at(time, 'a', { interface: 'vxlan0a', spoke: 'osaka' }),
      at(time, 'a', { interface: 'vxlan01' }),
    ]);
    expect(matchEnds([hub]).map(({ id, spoke }) => [id, spoke])).toEqual([
      [1, 'tokyo'],
      [10, 'osaka'],
      [4096, 'far'],
    ]);
  });

  it('puts what was found behind the run that found it', () => {
    const time = '2026-11-23T12:00:00Z';
    const hub = hostHistory('hub', [at(time, 'before-a', { outcome: 'found' }), at(time, 'a')]);
    expect(matchEnds([hub]).map(({ run }) => run)).toEqual(['a', 'before-a']);
  });

  it('takes the last record of a run that went at an end twice', () => {
    const time = '2026-11-23T12:00:00Z';
    const hub = hostHistory('hub', [at(time, 'a', { outcome: 'reverted' }), at(time, 'a')]);
    expect(matchEnds([hub]).map(({ ends }) => ends.hub?.outcome)).toEqual(['confirmed']);
  });
});
