/** The beginning of a change: every end is prepared, then every end runs the new state on trial. */
import { setTimeout as sleep } from 'node:timers/promises';
import { takeBaseline } from './baseline.js';
import type { Change, ChangeRun } from './change.js';
import { stopIfInterrupted } from './failures.js';
import type { TunnelEnd } from './tunnel-end.js';

/** What was prepared ends with the spoke's window, half of the hub's: when a quarter of that went with waiting, it is prepared anew. */
const STALE_SHARE = 8;

/** Hands every end its candidate, and takes the baselines in the same flight: neither touches what runs. */
export async function prepare(changes: readonly Change[], run: ChangeRun): Promise<void> {
  const baselines = changes.map(async (change) => {
    change.tell('prepare');
    change.baseline = await takeBaseline(change.target.tunnel);
  });
  await allOf([...changes.map(prepareEnds), ...baselines]);
  stopIfInterrupted(run.signal);
}

async function prepareEnds(change: Change): Promise<void> {
  const { ends, still } = change.target;
  const begun = performance.now();
  await allOf(ends.map((end) => end.prepare(change.recordOf(end), still.includes(end))));
  change.prepareMs = performance.now() - begun;
}

/** Waits for a turn at the hub, which is given back when the hub has bounced its last end: a spoke that hangs must not hold up the others. */
export async function tryEnds(changes: readonly Change[], run: ChangeRun): Promise<void> {
  const ends = changes.flatMap(({ target }) => target.ends);
  const lastOfHub = ends.findLast(({ end }) => end === 'hub');
  const preparedAt = performance.now();
  const giveBack = (await lastOfHub?.takeTurn()) ?? ((): void => undefined);
  try {
    const waited = (performance.now() - preparedAt) / 1000;
    stopIfInterrupted(run.signal);
    // What was prepared over a session has ended with it.
    if (waited > run.session.windowSeconds / STALE_SHARE || ends.some(({ isLost }) => isLost)) {
      await Promise.allSettled(ends.map((end) => end.revert()));
      await allOf(changes.map(prepareEnds));
    }
    for (const change of changes) await tryChange(change, (end) => end === lastOfHub && giveBack());
  } finally {
    giveBack();
  }
}

async function tryChange(change: Change, onBounced: (end: TunnelEnd) => void): Promise<void> {
  const { ends } = change.target;
  change.tell('trial');
  change.isTouched = true;
  // An end that is told through the tunnel itself has to hear it before the other one is gone.
  const isBehind = ends.filter(({ isBehindTunnel }) => isBehindTunnel).length === 1;
  await allOf(
    ends.map(async (end) => {
      if (isBehind && !end.isBehindTunnel) await sleep(change.prepareMs);
      change.open.add(end);
      await end.trial().finally(() => onBounced(end));
    }),
  );
}

/** Waits for all, then rejects as the first that did: what is still under way at one host must not meet what follows. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}
