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
  it('joins both ends of a tunnel by the change, newest first', () => {
    const hub = hostHistory('hub', [
      at('2026-11-23T12:00:00Z', 'a'),
      at('2026-11-23T13:00:00Z', 'b', { restores: 'first' }),
    ]);
    const spoke = hostHistory('tokyo', [
      at('2026-11-23T12:00:00Z', 'a', atSpoke),
      at('2026-11-23T13:00:00Z', 'b', { ...atSpoke, outcome: 'reverted' }),
    ]);
    expect(matchEnds([hub, spoke]).map(({ run, ends }) => [run, ends])).toEqual([
      [
        'b',
        {
          hub: { outcome: 'confirmed', restores: 'first', has_file: true },
          spoke: { outcome: 'reverted', restores: null, has_file: true },
        },
      ],
      [
        'a',
        {
          hub: { outcome: 'confirmed', restores: null, has_file: true },
          spoke: { outcome: 'confirmed', restores: null, has_file: true },
        },
      ],
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

  it('keeps apart what one run did to two tunnels of one interface, the later one first', () => {
    const time = '2026-11-23T12:00:00Z';
    const removed = { change: 'a.1', hasFile: false };
    const made = { change: 'a.2', spoke: 'osaka' };
    const hub = hostHistory('hub', [at(time, 'a', removed), at(time, 'a', made)]);
    const tokyo = hostHistory('tokyo', [at(time, 'a', { ...removed, ...atSpoke })]);
    const osaka = hostHistory('osaka', [at(time, 'a', { ...made, ...atSpoke })]);
    const end = { outcome: 'confirmed', restores: null };
    expect(matchEnds([hub, tokyo, osaka])).toMatchObject([
      { change: 'a.2', spoke: 'osaka', ends: { hub: { ...end, has_file: true }, spoke: { ...end, has_file: true } } },
      { change: 'a.1', spoke: 'tokyo', ends: { hub: { ...end, has_file: false }, spoke: { ...end, has_file: false } } },
    ]);
  });
});
