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

/**
 * Changes tunnels together: they are tried in this order, proven, decided the last first, and put back the last first when one fails. Of a site that gets
 * another id the old tunnel is the first and the new one the last. Never rejects for what happens on hosts: that is the results.
 */
export async function changeTunnels(targets: readonly Target[], run: ChangeRun, admit: Admit): Promise<TunnelResult[]> {
  const changes = targets.map((target) => new Change(target, run));
  try {
    if (targets.some(({ ends }) => ends.length > 0)) {
      const reason = await admit();
      if (reason !== null) return targets.map(({ tunnel }) => skippedResult(tunnel.plan, reason));
      await prepare(changes, run);
      await tryEnds(changes, run);
      await prove(changes, run);
      await decide(changes, run);
    }
    for (const change of changes) await keepNotes(change);
    return changes.map((change) => change.done());
  } catch (thrown) {
    return await putBackAll(changes, thrown);
  } finally {
    await Promise.all(targets.flatMap(({ tunnel }) => endsOf(tunnel)).map((end) => end.release()));
  }
}

/** The last first. One that is decided stays so whatever has become of the others. */
async function putBackAll(changes: readonly Change[], thrown: unknown): Promise<TunnelResult[]> {
  const results: TunnelResult[] = [];
  for (const change of changes.toReversed()) {
    const failure = failureOf(thrown, change.target.tunnel.plan);
    results.unshift(change.isDecided ? change.done() : await putBack(change, failure));
  }
  return results;
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
