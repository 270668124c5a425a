/** For how long a tunnel did not answer, by the clocks of its hosts. Pure. */
import { ENDS, type End } from '../plan/plan.js';

/** When the last check of an end was answered, in ms of its host's clock; null: not all were, or none was sent. */
export type AnsweredAt = Readonly<Record<End, number | null>>;

/**
 * @param downAt when each end that was bounced went down, in ms of its host's clock
 * @returns ms until every one of them was answered again; null when nothing was bounced, or one is not answered
 */
export function downtime(downAt: ReadonlyMap<End, number>, answeredAt: AnsweredAt): number | null {
  const times = ENDS.flatMap((end) => {
    const [from, to] = [downAt.get(end), answeredAt[end]];
    if (from === undefined) return [];
    // A host that has started anew counts from there.
    return to === null || to < from ? [null] : [to - from];
  });
  return times.reduce<number | null>(
    (longest, time) => (longest === null || time === null ? null : Math.max(longest, time)),
    times[0] ?? null,
  );
}
