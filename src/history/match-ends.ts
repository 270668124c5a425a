/** The records of both ends of each tunnel, joined by change. */
import type { End } from '../plan/plan.js';
import type { HostHistory } from './read-history.js';
import { idOf, type HistoryRecord, type Outcome } from './record.js';

/** What a change did to one end. */
export interface EndChange {
  readonly outcome: Outcome;
  /** The change whose state was put back, `first`, or null. */
  readonly restores: string | null;
  /** false: the tunnel was taken away from this end. */
  readonly has_file: boolean;
}

/** What was done to one tunnel at once. */
export interface TunnelChange {
  readonly change: string;
  readonly run: string;
  readonly time: string;
  readonly operator: string;
  readonly command: string;
  readonly spoke: string;
  readonly interface: string;
  readonly id: number;
  /** null: no record of this change there, or nobody could read it. */
  readonly ends: Readonly<Record<End, EndChange | null>>;
}

/** Newest first; what was found before a change stands behind it, and the tunnels of one run in the order of their ids. */
export function matchEnds(hosts: readonly HostHistory[]): TunnelChange[] {
  const changes = new Map<string, TunnelChange>();
  const records = hosts.flatMap(({ ends }) => [...ends.values()].flatMap((end) => end.records));
  for (const record of records) {
    const key = `${record.interface} ${record.change}`;
    changes.set(key, addEnd(changes.get(key) ?? untouched(record), record));
  }
  // Each end's records come oldest first: of two changes of one interface within a second the later one is to stand first.
  return [...changes.values()]
    .reverse()
    .sort(
      (a, b) =>
        compare(b.time, a.time) || Number(isFound(a)) - Number(isFound(b)) || compare(b.run, a.run) || a.id - b.id,
    );
}

const addEnd = (change: TunnelChange, { end, outcome, restores, hasFile }: HistoryRecord): TunnelChange => ({
  ...change,
  ends: { ...change.ends, [end]: { outcome, restores, has_file: hasFile } },
});

const untouched = (record: HistoryRecord): TunnelChange => ({
  change: record.change,
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
