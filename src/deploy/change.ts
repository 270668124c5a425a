/** One change of a tunnel, step by step: trial on every end that changes, proof from both, confirm; or back. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Check, EndStatus, PutBack, Step, TunnelFailure, TunnelResult, TunnelStatus } from '../events.js';
import { toVxfleetError } from '../errors.js';
import { generationDigest } from '../history/generation-text.js';
import type { RunIdentity } from '../host/host-session.js';
import type { End } from '../plan/plan.js';
import { compareWithBaseline, type Baseline } from './baseline.js';
import { afterRevert, INTERRUPTED, putBackOf, unpreparedFailure, unprovenFailure } from './change-failures.js';
import { confirmEnds, confirmHint } from './confirm-ends.js';
import { decisionPartOf } from './decision-part.js';
import { downtime } from './downtime.js';
import { findFragmentation } from './fragmentation.js';
import { orInterrupted } from './or-interrupted.js';
import { proveChange } from './prove-change.js';
import { recordBodies } from './record-bodies.js';
import type { Admit } from './run-fleet.js';
import { failureOf, type Tunnel } from './tunnel.js';
import { whileExtending } from './while-extending.js';

export interface ChangeOptions {
  /** Seconds until which packets must have come back; by default PROOF_SECONDS. */
  readonly verifySeconds: number | undefined;
  readonly identity: RunIdentity;
  /** The hub's window, in seconds. */
  readonly windowSeconds: number;
  /** Of a rollback: the change whose state each end goes back to, `first`, or null. */
  readonly restores?: Readonly<Record<End, string | null>>;
  /** Ends that do not change and are kept as a generation all the same. By default the hub, whose history names every run. */
  readonly noted?: readonly End[];
  /** Ends whose file changes in its comments alone: they are not bounced. */
  readonly still?: readonly End[];
  readonly signal: AbortSignal;
  /** Asked before anything is touched: the reason why it must not be, or null. */
  readonly admit: Admit;
  readonly onStep: (step: Step) => void;
  /** Something a person should know although the change succeeded. */
  readonly onWarning: (message: string) => void;
}

/**
 * Where the old end answered, the line is known to be quick, and a tunnel that somebody uses must not stay dead for long; a new one may be far
 * away, or have to wake up somebody's radio link.
 */
const PROOF_SECONDS = { afterAnswer: 2, afterSilence: 10 } as const;

/** A spoke has one tunnel: nobody waits for it. */
export const NO_TURN = (): void => undefined;

/** One change on its way: what has been touched and confirmed so far. */
export class Change {
  readonly #tunnel: Tunnel;
  readonly #ends: readonly End[];
  readonly #options: ChangeOptions;
  /** Ends whose trial is open. */
  readonly #open = new Set<End>();
  readonly #confirmed = new Set<End>();
  /** A host has ended its trial without us: its window was over. */
  #endedAlone = false;
  /** What is not known after a confirm that went wrong. */
  readonly #troubles: string[] = [];
  /** The records of the ends, made once: their digests are their names. */
  readonly #bodies: Readonly<Record<End, string>>;
  #checks: readonly Check[] = [];
  #transit: Check | null = null;
  #sawFragments = false;
  /** How long the ends took to be prepared: more than a command needs to reach one. */
  #prepareMs = 0;
  /** When each end went down, in ms of its host's clock. */
  readonly #downAt = new Map<End, number>();
  #downMs: number | null = null;
  #putBack: PutBack | null = null;

  constructor(tunnel: Tunnel, ends: readonly End[], options: ChangeOptions) {
    this.#tunnel = tunnel;
    this.#ends = ends;
    this.#options = options;
    this.#bodies = recordBodies(tunnel, ends, options);
  }

  /** Null when every end could begin. */
  async prepare(): Promise<TunnelFailure | null> {
    const begun = performance.now();
    const failures = await Promise.all(this.#ends.map((end) => this.#prepareOf(end)));
    this.#prepareMs = performance.now() - begun;
    return failures.find((failure) => failure !== null) ?? null;
  }

  /** With the whole window before it. */
  async prepareAgain(): Promise<TunnelFailure | null> {
    await this.drop();
    return await this.prepare();
  }

  async #prepareOf(end: End): Promise<TunnelFailure | null> {
    try {
      const outcome = await this.#tunnel[end].prepare(this.#bodies[end], this.#options.still?.includes(end) === true);
      return outcome.ok ? null : unpreparedFailure(end, outcome, this.#tunnel.plan);
    } catch (error) {
      return failureOf(toVxfleetError(error), this.#tunnel.plan);
    }
  }

  /** Forgets what was prepared. An end that does not hear it forgets it when our session or the window ends. */
  async drop(): Promise<void> {
    await Promise.all(this.#ends.map((end) => this.#revertOf(end)));
  }

  /**
   * Trial, proof, confirm. Null when all of it succeeded; else why not, with trials still open.
   * @param endTurn is called as soon as the hub has bounced its end: a spoke that hangs must not hold up the others
   */
  async attempt(baseline: Baseline, endTurn: () => void): Promise<TunnelFailure | null> {
    return (await this.#trial(endTurn)) ?? (await this.#prove(baseline)) ?? (await this.#confirm());
  }

  async #trial(endTurn: () => void): Promise<TunnelFailure | null> {
    this.#options.onStep('trial');
    // An end that is told through the tunnel itself has to hear it before the other one is gone.
    const behind = this.#ends.filter((end) => this.#tunnel[end].isBehindTunnel);
    const later = behind.length === 1 ? this.#ends.filter((end) => !behind.includes(end)) : [];
    const failures = await Promise.all(
      this.#ends.map(async (end) => {
        if (later.includes(end)) await sleep(this.#prepareMs);
        return await this.#trialOf(end).finally(end === 'hub' ? endTurn : NO_TURN);
      }),
    );
    return failures.find((failure) => failure !== null) ?? null;
  }

  async #trialOf(end: End): Promise<TunnelFailure | null> {
    this.#open.add(end);
    try {
      const { ok, layer, message, downAt } = await this.#tunnel[end].trial();
      if (downAt !== null) this.#downAt.set(end, downAt);
      const hint = `\`vxfleet diff ${this.#tunnel.plan.spoke}\` shows the candidate.`;
      return ok ? null : { code: 'host', end, layer, message, hint };
    } catch (error) {
      return failureOf(toVxfleetError(error), this.#tunnel.plan);
    }
  }

  async #prove(baseline: Baseline): Promise<TunnelFailure | null> {
    if (this.#options.signal.aborted) return INTERRUPTED;
    this.#options.onStep('verify');
    try {
      // While packets are on their way the files are laid beside their places, so that a confirm is a rename and nothing else.
      const work = whileExtending(
        this.#ends.map((end) => this.#tunnel[end]),
        this.#options.windowSeconds,
        async () =>
          Promise.all([
            proveChange(this.#tunnel, this.#ends, this.#proofSeconds(baseline)),
            ...this.#ends.map((end) => this.#stageOf(end, baseline)),
          ]),
      );
      const outcome = await orInterrupted(work, this.#options.signal);
      if (outcome === undefined) return INTERRUPTED;
      const [proof, ...staged] = outcome;
      this.#checks = proof.checks;
      this.#transit = proof.transit;
      this.#sawFragments = proof.sawFragments;
      this.#downMs = downtime(this.#downAt, proof.answeredAt);
      return proof.failure ?? staged.find((failure) => failure !== null) ?? null;
    } catch (error) {
      return failureOf(toVxfleetError(error), this.#tunnel.plan);
    }
  }

  #proofSeconds({ answered }: Baseline): number {
    const { afterAnswer, afterSilence } = PROOF_SECONDS;
    return this.#options.verifySeconds ?? (answered.length > 0 ? afterAnswer : afterSilence);
  }

  async #stageOf(end: End, baseline: Baseline): Promise<TunnelFailure | null> {
    const digest = generationDigest('confirmed', this.#bodies[end]);
    const { ok, layer, message, reason } = await this.#tunnel[end].stage(
      digest,
      decisionPartOf(this.#tunnel, this.#ends, end, baseline),
    );
    return ok ? null : { code: 'host', end, layer, message, hint: confirmHint(end, reason) };
  }

  async #confirm(): Promise<TunnelFailure | null> {
    if (this.#options.signal.aborted) return INTERRUPTED;
    this.#options.onStep('confirm');
    const fragments = this.#warnOfFragments();
    // From the hub's promise to its confirm an interrupt waits: a half-way decision helps nobody.
    const { confirmed, open, troubles, failure } = await confirmEnds(
      this.#tunnel,
      this.#ends,
      this.#options.windowSeconds,
    );
    for (const end of confirmed) this.#confirmed.add(end);
    for (const end of this.#ends) if (!open.includes(end)) this.#open.delete(end);
    this.#troubles.push(...troubles);
    if (failure === null) await this.note();
    await fragments;
    return failure;
  }

  async #warnOfFragments(): Promise<void> {
    if (!this.#sawFragments) return;
    // A session that is lost is told by the confirm.
    const warning = await findFragmentation(this.#tunnel).catch(() => undefined);
    if (warning !== undefined) this.#options.onWarning(warning);
  }

  /** Keeps a generation of the ends that did not change. The tunnel is as it should be also when that fails. */
  async note(): Promise<void> {
    for (const end of this.#options.noted ?? ['hub']) {
      if (this.#ends.includes(end)) continue;
      const body = this.#bodies[end];
      await this.#tunnel[end].note(body, generationDigest('confirmed', body)).catch((error: unknown) => {
        const { message } = toVxfleetError(error);
        this.#options.onWarning(`${this.#tunnel.plan.spoke}: the run is not in the ${end}'s history: ${message}`);
      });
    }
  }

  done(): TunnelResult {
    return this.#outcome(this.#made, (end) => (this.#confirmed.has(end) ? this.#made : 'unchanged'), null);
  }

  /** What a confirmed change is called. */
  get #made(): 'removed' | 'rolled_back' | 'changed' {
    if (this.#tunnel.proof === 'gone') return 'removed';
    return this.#options.restores === undefined ? 'changed' : 'rolled_back';
  }

  unchanged(): TunnelResult {
    return this.#outcome('unchanged', () => 'unchanged', null);
  }

  untouched(failure: TunnelFailure): TunnelResult {
    const status: TunnelStatus = failure.code === 'interrupted' ? 'skipped' : 'failed';
    return this.#outcome(status, () => 'untouched', failure);
  }

  /** Takes every open trial back, then proves that what answered before answers again. */
  async putBack(failure: TunnelFailure, baseline: Baseline): Promise<TunnelResult> {
    this.#options.onStep('revert');
    this.#downMs = null;
    const reverted = await Promise.all([...this.#open].map((end) => this.#revertOf(end)));
    const troubles = [...this.#troubles, ...reverted.filter((trouble) => trouble !== null)];
    if (this.#confirmed.size > 0) {
      troubles.push(`the ${[...this.#confirmed].join(' and ')}'s end is confirmed already and keeps the new file`);
    }
    if (troubles.length === 0) {
      try {
        const { changes, answeredAt } = await compareWithBaseline(this.#tunnel, baseline, this.#endedAlone);
        troubles.push(...changes);
        this.#downMs = downtime(this.#downAt, answeredAt);
      } catch (error) {
        troubles.push(toVxfleetError(error).message);
      }
    }
    const statusOf = (end: End): EndStatus => {
      if (this.#confirmed.has(end)) return this.#made;
      if (!this.#ends.includes(end)) return 'unchanged';
      return troubles.length === 0 ? 'reverted' : 'unknown';
    };
    const name = this.#tunnel.plan.spoke;
    if (troubles.length === 0) {
      this.#putBack = putBackOf(baseline);
      return this.#outcome('reverted', statusOf, afterRevert(failure, name));
    }
    const isDecided = this.#confirmed.size > 0;
    return this.#outcome('unknown', statusOf, unprovenFailure(failure, troubles, isDecided, name));
  }

  async #revertOf(end: End): Promise<string | null> {
    try {
      // A lost session has made the host end the trial alone; a new one tells whether it did.
      const reply = await this.#tunnel[end].revert();
      // Late: the host has ended the trial alone. Whether what ran before runs again is for the baseline to say.
      // Unknown: it has no trial and no record of one, as after a reboot.
      const isOver = reply.reason === 'late' || reply.reason === 'unknown';
      if (isOver) this.#endedAlone = true;
      return reply.ok || isOver ? null : `${end}: ${reply.text}`;
    } catch (error) {
      return `${end}: ${toVxfleetError(error).message}`;
    }
  }

  #outcome(status: TunnelStatus, statusOf: (end: End) => EndStatus, error: TunnelFailure | null): TunnelResult {
    const { spoke, interface: name, id } = this.#tunnel.plan;
    const ends = { hub: statusOf('hub'), spoke: statusOf('spoke') };
    const proof = { down_ms: this.#downMs, put_back: this.#putBack, checks: this.#checks, transit: this.#transit };
    return { spoke, interface: name, id, status, ends, ...proof, error };
  }
}
