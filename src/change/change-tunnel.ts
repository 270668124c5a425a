/**
 * The protocol that keeps a tunnel safe. Every end that changes runs the new state on trial, and packets from both ends prove it before it is
 * confirmed; else what ran before is put back, and that is proven. What a host does when it hears nothing more from us: docs/protocol.md.
 */
import { toVxfleetError } from '../errors.js';
import type { TunnelResult } from '../events.js';
import { generationDigest } from '../history/generation-text.js';
import { Change, type Admit, type ChangeRun, type Target } from './change.js';
import { decide } from './decide.js';
import { failureOf } from './failures.js';
import { prove } from './prove-change.js';
import { putBack } from './put-back.js';
import { prepare, tryEnds } from './try-ends.js';
import { endsOf } from './tunnel.js';
import { skippedResult } from './tunnel-result.js';

/** Never rejects for what happens on hosts: that is the result. */
export async function changeTunnel(target: Target, run: ChangeRun, admit: Admit): Promise<TunnelResult> {
  const { tunnel, ends } = target;
  const change = new Change(target, run);
  try {
    if (ends.length > 0) {
      const reason = await admit();
      if (reason !== null) return skippedResult(tunnel.plan, reason);
      await prepare(change);
      await tryEnds(change);
      await prove(change);
      await decide(change);
    }
    await keepNotes(change);
    return change.result(ends.length > 0 ? change.made : 'unchanged', () => change.made);
  } catch (thrown) {
    return await putBack(change, failureOf(thrown, tunnel.plan));
  } finally {
    await Promise.all(endsOf(tunnel).map((end) => end.release()));
  }
}

/** Keeps a generation of ends that did not change. The tunnel is as it should be also when that fails. */
async function keepNotes(change: Change): Promise<void> {
  const { tunnel, ends, noted } = change.target;
  for (const end of noted) {
    if (ends.includes(end)) continue;
    const record = change.recordOf(end);
    await end.note(record, generationDigest('confirmed', record)).catch((error: unknown) => {
      const { message } = toVxfleetError(error);
      change.warn(`${tunnel.plan.spoke}: the run is not in the ${end.end}'s history: ${message}`);
    });
  }
}
