/** For how long a tunnel did not answer, by the clocks of its hosts. Pure. */
import type { End } from '../plan/plan.js';

/** When the last check of an end was answered, in ms of its host's clock; null: not all were, or none was sent. */
export type AnsweredAt = Readonly<Record<End, number | null>>;

/**
 * @param downAt when each end went down, in ms of its host's clock; null: it was not bounced
 * @returns ms until it was answered again, of the two ends the longer; null when nothing was bounced, or nothing answers
 */
export function downtime(downAt: Iterable<readonly [End, number | null]>, answeredAt: AnsweredAt): number | null {
  const times = [...downAt].flatMap(([end, from]) => {
    const to = answeredAt[end];
    // A host that has started anew counts from there.
    return from === null || to === null || to < from ? [] : [to - from];
  });
  return times.length === 0 ? null : Math.max(...times);
}
