/** A change that failed: every open trial is taken back, and what answered before has to answer again. */
import { toVxfleetError } from '../errors.js';
import type { TunnelFailure, TunnelResult } from '../events.js';
import { compareWithBaseline, putBackOf } from './baseline.js';
import type { Change } from './change.js';
import { downtime } from './downtime.js';
import { afterRevert, unprovenFailure } from './failures.js';
import type { TunnelEnd } from './tunnel-end.js';

/** Never rejects. */
export async function putBack(change: Change, failure: TunnelFailure): Promise<TunnelResult> {
  const { baseline, confirmed, target } = change;
  const { tunnel, ends } = target;
  if (baseline === undefined || !change.isTouched) {
    // An end that does not hear it forgets what was prepared when our session or the window ends.
    await Promise.all(ends.map((end) => revert(end)));
    const status = failure.code === 'interrupted' ? 'skipped' : 'failed';
    return { ...change.result(status, () => 'untouched', failure), ends: { hub: 'untouched', spoke: 'untouched' } };
  }
  change.tell('revert');
  change.downMs = null;
  const reverted = await Promise.all([...change.open].map((end) => revert(end)));
  const troubles = [...change.troubles, ...reverted.flatMap(({ trouble }) => trouble ?? [])];
  if (confirmed.size > 0) {
    const names = [...confirmed].map(({ end }) => end).join(' and ');
    troubles.push(`the ${names}'s end is confirmed already and keeps the new file`);
  }
  if (troubles.length === 0) {
    try {
      const isUnderWay = reverted.some(({ endedAlone }) => endedAlone);
      const { changes, answeredAt } = await compareWithBaseline(tunnel, baseline, isUnderWay);
      troubles.push(...changes);
      change.downMs = downtime(
        ends.map(({ end, downAt }) => [end, downAt]),
        answeredAt,
      );
    } catch (error) {
      troubles.push(toVxfleetError(error).message);
    }
  }
  const { spoke } = tunnel.plan;
  if (troubles.length === 0) {
    change.putBack = putBackOf(baseline);
    return change.result('reverted', () => 'reverted', afterRevert(failure, spoke));
  }
  const error = unprovenFailure(failure, troubles, confirmed.size > 0, spoke);
  return change.result('unknown', (end) => (confirmed.has(end) ? change.made : 'unknown'), error);
}

interface Reverted {
  /** Why it is not known that the trial has ended; undefined: it has. */
  readonly trouble: string | undefined;
  /** The host has ended the trial without us, and may still be at it. */
  readonly endedAlone: boolean;
}

async function revert(end: TunnelEnd): Promise<Reverted> {
  try {
    // A lost session has made the host end the trial alone; a new one tells whether it did.
    const { ok, reason, text } = await end.revert();
    // Late: its window was over. Unknown: it has no trial and no record of one, as after a reboot. Whether what ran before runs again is for the
    // baseline to say.
    const endedAlone = reason === 'late' || reason === 'unknown';
    return { trouble: ok || endedAlone ? undefined : `${end.end}: ${text}`, endedAlone };
  } catch (error) {
    return { trouble: `${end.end}: ${toVxfleetError(error).message}`, endedAlone: false };
  }
}
