/**
 * The protocol that keeps a tunnel safe. Trial on every end that changes, prove from both, confirm; else put back what ran before
 * and prove that. The host programs take back an open trial alone when their session ends or the window is over.
 */
import type { Check, EndStatus, Step, TunnelFailure, TunnelStatus } from '../events.js';
import { toVxfleetError } from '../errors.js';
import { ENDS, type End } from '../plan/plan.js';
import { compareWithBaseline, takeBaseline, type Baseline } from './baseline.js';
import { orInterrupted } from './or-interrupted.js';
import { proveTunnel } from './prove-tunnel.js';
import type { TrialOutcome } from './tunnel-end.js';
import { failureOf, type Tunnel } from './tunnel.js';

export interface ChangeOptions {
  /** Seconds until which packets must have come back. */
  readonly verifySeconds: number;
  /** Keep a copy of a file that vxfleet did not write. */
  readonly adopt: boolean;
  readonly signal: AbortSignal;
  readonly onStep: (step: Step) => void;
}

export interface ChangeOutcome {
  readonly status: TunnelStatus;
  readonly ends: Readonly<Record<End, EndStatus>>;
  readonly downMs: number | null;
  readonly checks: readonly Check[];
  readonly failure: TunnelFailure | null;
}

/** Changes the given ends. Never rejects for what happens on hosts: that is the outcome. */
export async function changeTunnel(
  tunnel: Tunnel,
  ends: readonly End[],
  options: ChangeOptions,
): Promise<ChangeOutcome> {
  const change = new Change(tunnel, ends, options);
  // Both in one flight: neither touches what runs.
  const [baseline, unprepared] = await Promise.all([takeBaselineOf(tunnel), change.prepare()]);
  const obstacle = unprepared ?? ('code' in baseline ? baseline : options.signal.aborted ? INTERRUPTED : null);
  if (obstacle !== null || 'code' in baseline) {
    await change.drop();
    return change.untouched(obstacle ?? INTERRUPTED);
  }

  const failure = await change.attempt();
  return failure === null ? change.done() : await change.putBack(failure, baseline);
}

const takeBaselineOf = (tunnel: Tunnel): Promise<Baseline | TunnelFailure> =>
  takeBaseline(tunnel).catch((error: unknown) => failureOf(toVxfleetError(error), tunnel.plan));

const INTERRUPTED: TunnelFailure = {
  code: 'interrupted',
  end: null,
  layer: null,
  message: 'interrupted before the change was confirmed',
  hint: 'Run the command again.',
};

/** One change on its way: what has been touched and confirmed so far. */
class Change {
  readonly #tunnel: Tunnel;
  readonly #ends: readonly End[];
  readonly #options: ChangeOptions;
  /** Ends whose trial is open. */
  readonly #open = new Set<End>();
  readonly #confirmed = new Set<End>();
  /** A host has ended its trial without us: its window was over. */
  #endedAlone = false;
  #checks: readonly Check[] = [];
  #downMs: number | null = null;

  constructor(tunnel: Tunnel, ends: readonly End[], options: ChangeOptions) {
    this.#tunnel = tunnel;
    this.#ends = ends;
    this.#options = options;
  }

  /** Null when every end could begin. */
  async prepare(): Promise<TunnelFailure | null> {
    const failures = await Promise.all(this.#ends.map((end) => this.#prepareOf(end)));
    return failures.find((failure) => failure !== null) ?? null;
  }

  async #prepareOf(end: End): Promise<TunnelFailure | null> {
    try {
      const { ok, layer, message } = await this.#tunnel[end].prepare();
      if (ok) return null;
      const { spoke, interface: name } = this.#tunnel.plan;
      const hint =
        layer === 'file'
          ? `Nothing was touched. Look at: df /run /etc; ls /run/vxfleet/${name}.`
          : `Nothing was touched. The candidate is what \`vxfleet render ${spoke}\` prints.`;
      return { code: 'refused', end, layer, message, hint };
    } catch (error) {
      return failureOf(toVxfleetError(error), this.#tunnel.plan);
    }
  }

  /** Forgets what was prepared. An end that does not hear it forgets it when our session or the window ends. */
  async drop(): Promise<void> {
    await Promise.all(this.#ends.map((end) => this.#revertOf(end)));
  }

  /** Trial, proof, confirm. Null when all of it succeeded; else why not, with trials still open. */
  async attempt(): Promise<TunnelFailure | null> {
    return (await this.#trial()) ?? (await this.#prove()) ?? (await this.#confirm());
  }

  async #trial(): Promise<TunnelFailure | null> {
    this.#options.onStep('trial');
    const started = performance.now();
    const outcomes = await Promise.all(this.#ends.map((end) => this.#trialOf(end)));
    const ended = performance.now();
    // The hosts measured how long they were down; the first ifdown began so long before the last answer.
    const downMs = outcomes.flatMap(({ outcome, at }) => (outcome?.downMs == null ? [] : [at - outcome.downMs]));
    if (downMs.length > 0) this.#downMs = Math.round(Math.min(ended - Math.min(...downMs), ended - started));
    return outcomes.find(({ failure }) => failure !== null)?.failure ?? null;
  }

  async #trialOf(end: End): Promise<{ outcome: TrialOutcome | null; at: number; failure: TunnelFailure | null }> {
    this.#open.add(end);
    try {
      const outcome = await this.#tunnel[end].trial();
      const { layer, message } = outcome;
      const hint = `The candidate is what \`vxfleet render ${this.#tunnel.plan.spoke}\` prints.`;
      const failure: TunnelFailure | null = outcome.ok ? null : { code: 'host', end, layer, message, hint };
      return { outcome, at: performance.now(), failure };
    } catch (error) {
      return { outcome: null, at: performance.now(), failure: failureOf(toVxfleetError(error), this.#tunnel.plan) };
    }
  }

  async #prove(): Promise<TunnelFailure | null> {
    if (this.#options.signal.aborted) return INTERRUPTED;
    this.#options.onStep('verify');
    try {
      // While packets are on their way the files are laid beside their places, so that a confirm is a rename and nothing else.
      const work = Promise.all([
        proveTunnel(this.#tunnel, this.#options.verifySeconds),
        ...this.#ends.map((end) => this.#stageOf(end)),
      ]);
      const outcome = await orInterrupted(work, this.#options.signal);
      if (outcome === undefined) return INTERRUPTED;
      const [proof, ...staged] = outcome;
      this.#checks = proof.checks;
      return proof.failure ?? staged.find((failure) => failure !== null) ?? null;
    } catch (error) {
      return failureOf(toVxfleetError(error), this.#tunnel.plan);
    }
  }

  async #stageOf(end: End): Promise<TunnelFailure | null> {
    const { ok, layer, message } = await this.#tunnel[end].stage(this.#options.adopt);
    return ok ? null : { code: 'host', end, layer, message, hint: confirmHint(end) };
  }

  /** The spoke first: it is the end that can become unreachable, and while the hub is unconfirmed both can still go back. */
  async #confirm(): Promise<TunnelFailure | null> {
    if (this.#options.signal.aborted) return INTERRUPTED;
    this.#options.onStep('confirm');
    for (const end of ['spoke', 'hub'] as const) {
      if (!this.#ends.includes(end)) continue;
      try {
        const reply = await this.#tunnel[end].confirm();
        if (reply.ok || reply.reason === 'digest') {
          this.#open.delete(end);
          this.#confirmed.add(end);
        }
        if (!reply.ok) return { code: 'host', end, layer: 'file', message: reply.text, hint: confirmHint(end) };
      } catch (error) {
        return failureOf(toVxfleetError(error), this.#tunnel.plan);
      }
    }
    return null;
  }

  done(): ChangeOutcome {
    return this.#outcome('changed', (end) => (this.#confirmed.has(end) ? 'changed' : 'unchanged'), null);
  }

  untouched(failure: TunnelFailure): ChangeOutcome {
    const status: TunnelStatus = failure.code === 'interrupted' ? 'skipped' : 'failed';
    return this.#outcome(status, () => 'untouched', failure);
  }

  /** Takes every open trial back, then proves that what answered before answers again. */
  async putBack(failure: TunnelFailure, baseline: Baseline): Promise<ChangeOutcome> {
    if (this.#open.size === 0 && this.#confirmed.size === 0) return this.untouched(failure);
    this.#options.onStep('revert');
    const troubles = (await Promise.all([...this.#open].map((end) => this.#revertOf(end)))).filter((t) => t !== null);
    if (this.#confirmed.size > 0) {
      troubles.push(`the ${[...this.#confirmed].join(' and ')}'s end is confirmed already and keeps the new file`);
    }
    if (troubles.length === 0) {
      try {
        troubles.push(...(await compareWithBaseline(this.#tunnel, baseline, this.#endedAlone)));
      } catch (error) {
        troubles.push(toVxfleetError(error).message);
      }
    }
    const statusOf = (end: End): EndStatus => {
      if (this.#confirmed.has(end)) return 'changed';
      if (!this.#ends.includes(end)) return 'unchanged';
      return troubles.length === 0 ? 'reverted' : 'unknown';
    };
    const name = this.#tunnel.plan.spoke;
    if (troubles.length === 0) return this.#outcome('reverted', statusOf, afterRevert(failure, name));
    return this.#outcome('unknown', statusOf, {
      ...failure,
      message: `${failure.message}; and the way back is not proven: ${troubles.join('; ')}`,
      hint: `Each host takes an open trial back alone within the window. Then: vxfleet diff ${name}; vxfleet deploy ${name}.`,
    });
  }

  async #revertOf(end: End): Promise<string | null> {
    try {
      const reply = await this.#tunnel[end].revert();
      // Late: the host has ended the trial alone. Whether what ran before runs again is for the baseline to say.
      if (reply.reason === 'late') this.#endedAlone = true;
      return reply.ok || reply.reason === 'late' ? null : `${end}: ${reply.text}`;
    } catch (error) {
      return `${end}: ${toVxfleetError(error).message}`;
    }
  }

  #outcome(status: TunnelStatus, statusOf: (end: End) => EndStatus, failure: TunnelFailure | null): ChangeOutcome {
    const ends = Object.fromEntries(ENDS.map((end) => [end, statusOf(end)])) as Record<End, EndStatus>;
    return { status, ends, downMs: this.#downMs, checks: this.#checks, failure };
  }
}

/** The kernel that a finding was about is gone with the candidate; what can still be looked at is the candidate. */
function afterRevert(failure: TunnelFailure, spoke: string): TunnelFailure {
  const isAboutKernel = ['link', 'params', 'addresses', 'routes', 'policy'].includes(failure.layer ?? '');
  if (failure.code !== 'verify' || !isAboutKernel) return failure;
  return { ...failure, hint: `The candidate was put back; \`vxfleet render ${spoke}\` prints it.` };
}

const confirmHint = (end: End): string =>
  `On the ${end}: df /etc /var/lib; is /etc writable? The trial was ended; nothing of it is left.`;
