/**
 * The protocol that keeps a tunnel safe. Trial on every end that changes, prove from both, confirm; else put back what ran before
 * and prove that. What a host does when it hears nothing more from us: docs/protocol.md.
 */
import type { TunnelFailure, TunnelResult } from '../events.js';
import { toVxfleetError } from '../errors.js';
import { ENDS, type End } from '../plan/plan.js';
import { takeBaseline, type Baseline } from './baseline.js';
import { Change, NO_TURN, type ChangeOptions } from './change.js';
import { INTERRUPTED } from './change-failures.js';
import { failureOf, type Tunnel } from './tunnel.js';
import { skippedResult } from './tunnel-result.js';

/** Changes the given ends. Never rejects for what happens on hosts: that is the outcome. */
export async function changeTunnel(
  tunnel: Tunnel,
  ends: readonly End[],
  options: ChangeOptions,
): Promise<TunnelResult> {
  try {
    return await runChange(tunnel, ends, options);
  } finally {
    await Promise.all(ENDS.map((end) => tunnel[end].release()));
  }
}

async function runChange(tunnel: Tunnel, ends: readonly End[], options: ChangeOptions): Promise<TunnelResult> {
  const change = new Change(tunnel, ends, options);
  if (ends.length === 0) {
    await change.note();
    return change.unchanged();
  }
  const reason = await options.admit();
  if (reason !== null) return skippedResult(tunnel.plan, reason);
  options.onStep('prepare');
  // Both in one flight: neither touches what runs.
  const [baseline, unprepared] = await Promise.all([takeBaselineOf(tunnel), change.prepare()]);
  const obstacle = unprepared ?? ('code' in baseline ? baseline : options.signal.aborted ? INTERRUPTED : null);
  if (obstacle !== null || 'code' in baseline) {
    await change.drop();
    return change.untouched(obstacle ?? INTERRUPTED);
  }

  const preparedAt = performance.now();
  const endTurn = ends.includes('hub') ? await tunnel.hub.takeTurn() : NO_TURN;
  const isStale = (performance.now() - preparedAt) / 1000 > options.windowSeconds / STALE_SHARE;
  // What was prepared over a session has ended with it.
  const isGone = isStale || ends.some((end) => tunnel[end].isLost);
  const delayed = options.signal.aborted ? INTERRUPTED : isGone ? await change.prepareAgain() : null;
  if (delayed !== null) {
    endTurn();
    await change.drop();
    return change.untouched(delayed);
  }
  const failure = await change.attempt(baseline, endTurn);
  return failure === null ? change.done() : await change.putBack(failure, baseline);
}

/** What was prepared ends with the spoke's window, half of the hub's: when a quarter of that went with waiting, it is prepared anew. */
const STALE_SHARE = 8;

const takeBaselineOf = (tunnel: Tunnel): Promise<Baseline | TunnelFailure> =>
  takeBaseline(tunnel).catch((error: unknown) => failureOf(toVxfleetError(error), tunnel.plan));
