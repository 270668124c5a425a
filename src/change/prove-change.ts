/** The proof of a change while its trials are open: they are kept open meanwhile. */
import type { Change, ChangeRun } from './change.js';
import { downtime } from './downtime.js';
import { StepFailed, stopIfInterrupted } from './failures.js';
import { proveExpected } from './prove-expected.js';
import type { TunnelEnd } from './tunnel-end.js';

/**
 * Where the old end answered, the line is known to be quick, and a tunnel that somebody uses must not stay dead for long; a new one may be far
 * away, or have to wake up somebody's radio link.
 */
const PROOF_SECONDS = { afterAnswer: 2, afterSilence: 10 } as const;
/** Extensions a window: one that is late must not end a trial that is being proven. */
const EXTENSIONS_A_WINDOW = 4;

export async function prove(changes: readonly Change[], run: ChangeRun): Promise<void> {
  stopIfInterrupted(run.signal);
  for (const change of changes) change.tell('verify');
  const hasAnswered = changes.some(({ baseline }) => baseline !== undefined && baseline.answered.length > 0);
  const seconds = run.verifySeconds ?? (hasAnswered ? PROOF_SECONDS.afterAnswer : PROOF_SECONDS.afterSilence);
  const ends = changes.flatMap(({ target }) => target.ends);
  const work = whileExtending(ends, run.session.windowSeconds, async () =>
    Promise.all(changes.map(async (change) => proveOne(change, seconds))),
  );
  await orInterrupted(work, run.signal);
}

async function proveOne(change: Change, seconds: number): Promise<void> {
  const { tunnel, ends } = change.target;
  const proof = await proveExpected(tunnel, ends, seconds);
  change.proof = proof;
  change.downMs = downtime(
    ends.map(({ end, downAt }) => [end, downAt]),
    proof.answeredAt,
  );
  if (proof.failure !== null) throw new StepFailed(proof.failure);
}

/**
 * Extends the trials again and again until the work is done. Resolves only when every extension was answered: none may reach the
 * spoke after the hub has promised (docs/protocol.md).
 */
async function whileExtending<T>(
  ends: readonly TunnelEnd[],
  windowSeconds: number,
  work: () => Promise<T>,
): Promise<T> {
  let answered: Promise<unknown> = Promise.resolve();
  const extend = (): void => {
    answered = answered.then(async () => Promise.all(ends.map((end) => end.extend())));
    answered.catch(() => undefined);
  };
  const timer = setInterval(extend, (windowSeconds * 1000) / EXTENSIONS_A_WINDOW);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await answered;
  }
}

/**
 * The work's result; throws interrupted as soon as the signal aborts: whoever pressed Ctrl-C does not wait for a proof that may take its
 * whole time. The hosts drop what is still asked of them when our session ends.
 */
async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  // When it loses the race, how it ends matters to nobody.
  work.catch(() => undefined);
  let interrupt = (): void => {};
  const interrupted = new Promise<void>((resolve) => {
    interrupt = resolve;
    signal.addEventListener('abort', interrupt, { once: true });
  });
  try {
    await Promise.race([work, interrupted]);
    stopIfInterrupted(signal);
    return await work;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
