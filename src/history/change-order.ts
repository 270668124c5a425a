/** Which of two changes came first. */
import { finderOf, runOf } from './change-id.js';
import type { EndHistory } from './record.js';

/** As for sort; 0 only for one and the same. */
export type ChangeOrder = (a: string, b: string) => number;

/** Of changes of any tunnels: the ids of runs sort as time does. What was found before a run stands before it. */
export const byRun: ChangeOrder = (a, b) => compare(key(a), key(b));

/**
 * Of the changes that both ends of a tunnel keep: the hub's order, whose history names every change, and by run what the hub has
 * forgotten (controllers' clocks may differ).
 */
export function orderOf(hub: EndHistory): ChangeOrder {
  const place = (change: string): number | undefined => {
    const known = hub.records.findLast((record) => record.change === finderOf(change));
    return known === undefined ? undefined : known.sequence - (isFound(change) ? 0.5 : 0);
  };
  return (a, b) => {
    if (a === b) return 0;
    const [left, right] = [place(a), place(b)];
    return left === undefined || right === undefined ? byRun(a, b) : left - right;
  };
}

const isFound = (change: string): boolean => finderOf(change) !== change;

const key = (change: string): string => `${runOf(finderOf(change))} ${isFound(change) ? 0 : 1}`;

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);
