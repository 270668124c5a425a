/** The beginning of a change: every end is prepared, then every end runs the new state on trial. */
import { setTimeout as sleep } from 'node:timers/promises';
import { takeBaseline } from './baseline.js';
import type { Change } from './change.js';
import { stopIfInterrupted } from './failures.js';

/** What was prepared ends with the spoke's window, half of the hub's: when a quarter of that went with waiting, it is prepared anew. */
const STALE_SHARE = 8;

/** Hands every end its candidate, and takes the baseline in the same flight: neither touches what runs. */
export async function prepare(change: Change): Promise<void> {
  change.tell('prepare');
  const baseline = takeBaseline(change.target.tunnel);
  await allOf([prepareEnds(change), baseline]);
  change.baseline = await baseline;
  stopIfInterrupted(change.run.signal);
}

async function prepareEnds(change: Change): Promise<void> {
  const { ends, still } = change.target;
  const begun = performance.now();
  await allOf(ends.map((end) => end.prepare(change.recordOf(end), still.includes(end))));
  change.prepareMs = performance.now() - begun;
}

/** Waits for a turn at the hub, which is given back when the hub has bounced its end: a spoke that hangs must not hold up the others. */
export async function tryEnds(change: Change): Promise<void> {
  const { ends } = change.target;
  const preparedAt = performance.now();
  const giveBack = (await ends.find(({ end }) => end === 'hub')?.takeTurn()) ?? ((): void => undefined);
  try {
    stopIfInterrupted(change.run.signal);
    const waited = (performance.now() - preparedAt) / 1000;
    // What was prepared over a session has ended with it.
    if (waited > change.run.session.windowSeconds / STALE_SHARE || ends.some(({ isLost }) => isLost)) {
      await Promise.allSettled(ends.map((end) => end.revert()));
      await prepareEnds(change);
    }
    change.tell('trial');
    change.isTouched = true;
    // An end that is told through the tunnel itself has to hear it before the other one is gone.
    const isBehind = ends.filter(({ isBehindTunnel }) => isBehindTunnel).length === 1;
    await allOf(
      ends.map(async (end) => {
        if (isBehind && !end.isBehindTunnel) await sleep(change.prepareMs);
        change.open.add(end);
        await end.trial().finally(end.end === 'hub' ? giveBack : undefined);
      }),
    );
  } finally {
    giveBack();
  }
}

/** Waits for all, then rejects as the first that did: what is still under way at one host must not meet what follows. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}
