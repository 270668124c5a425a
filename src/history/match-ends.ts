/** The records of both ends of each tunnel, joined by run. */
import type { End } from '../plan/plan.js';
import type { HostHistory } from './read-history.js';
import { idOf, type HistoryRecord, type Outcome } from './record.js';

/** What a run did to one end. */
export interface EndChange {
  readonly outcome: Outcome;
  /** The run whose state was put back, `first`, or null. */
  readonly restores: string | null;
}

/** What a run did to one tunnel. */
export interface TunnelChange {
  readonly run: string;
  readonly time: string;
  readonly operator: string;
  readonly command: string;
  readonly spoke: string;
  readonly interface: string;
  readonly id: number;
  /** null: no record of this run there, or nobody could read it. */
  readonly ends: Readonly<Record<End, EndChange | null>>;
}

/** Newest first; what was found before a run stands behind the run, and the tunnels of one run in the order of their ids. */
export function matchEnds(hosts: readonly HostHistory[]): TunnelChange[] {
  const changes = new Map<string, TunnelChange>();
  const records = hosts.flatMap(({ ends }) => [...ends.values()].flatMap((end) => end.records));
  for (const record of records) {
    const key = `${record.interface} ${record.run}`;
    changes.set(key, addEnd(changes.get(key) ?? untouched(record), record));
  }
  return [...changes.values()].sort(
    (a, b) =>
      compare(b.time, a.time) || Number(isFound(a)) - Number(isFound(b)) || compare(b.run, a.run) || a.id - b.id,
  );
}

/** Of a run that went at one end twice, the last record is how it ended there. */
const addEnd = (change: TunnelChange, { end, outcome, restores }: HistoryRecord): TunnelChange => ({
  ...change,
  ends: { ...change.ends, [end]: { outcome, restores } },
});

const untouched = (record: HistoryRecord): TunnelChange => ({
  run: record.run,
  time: record.time,
  operator: record.operator,
  command: record.command,
  spoke: record.spoke,
  interface: record.interface,
  id: idOf(record.interface),
  ends: { hub: null, spoke: null },
});

const isFound = ({ ends }: TunnelChange): boolean => (ends.hub ?? ends.spoke)?.outcome === 'found';

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
