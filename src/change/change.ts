/** One change of a tunnel on its way: what it shall make, what has been touched and confirmed so far, and what was measured. */
import type { Emit, EndStatus, PutBack, Step, TunnelFailure, TunnelResult, TunnelStatus } from '../events.js';
import { generationBody } from '../history/generation-text.js';
import type { HostSessionOptions, RunIdentity } from '../host/host-session.js';
import type { End } from '../plan/plan.js';
import type { Baseline } from './baseline.js';
import type { Proof } from './prove-tunnel.js';
import type { Tunnel } from './tunnel.js';
import type { TunnelEnd } from './tunnel-end.js';

/** What a change makes: of which ends, and how it is kept. */
export interface Target {
  readonly tunnel: Tunnel;
  /** The ends that change. */
  readonly ends: readonly TunnelEnd[];
  /** Those whose file changes in its comments alone: they are not bounced. */
  readonly still: readonly TunnelEnd[];
  /** Ends that need not change and are kept as a generation all the same. */
  readonly noted: readonly TunnelEnd[];
  /** Of a rollback: the change whose state each end goes back to, `first`, or null. */
  readonly restores?: Readonly<Record<End, string | null>>;
}

/** Asked before a tunnel is touched: the reason why it must not be, or null. */
export type Admit = () => Promise<string | null>;

/** The run that makes it. */
export interface ChangeRun {
  /** The window is the hub's. */
  readonly session: Pick<HostSessionOptions, 'identity' | 'windowSeconds'>;
  /** Seconds until which packets must have come back, if it was said. */
  readonly verifySeconds: number | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

export class Change {
  readonly target: Target;
  readonly run: ChangeRun;
  /** Ends whose trial is open. */
  readonly open = new Set<TunnelEnd>();
  readonly confirmed = new Set<TunnelEnd>();
  /** What is not known after a confirm that went wrong, a sentence each. */
  readonly troubles: string[] = [];
  /** What ran before, from when every end was prepared. */
  baseline: Baseline | undefined;
  /** How long the ends took to be prepared, in ms: more than a command needs to reach one. */
  prepareMs = 0;
  /** Has any end been told to try? */
  isTouched = false;
  proof: Proof | undefined;
  downMs: number | null = null;
  putBack: PutBack | null = null;
  readonly #records: ReadonlyMap<TunnelEnd, string>;

  constructor(target: Target, run: ChangeRun) {
    this.target = target;
    this.run = run;
    const time = `${new Date().toISOString().slice(0, 19)}Z`;
    const kept = [...target.ends, ...target.noted];
    this.#records = new Map(kept.map((end) => [end, recordOf(target, end, run.session.identity, time)]));
  }

  /** The record that an end keeps of it. One text always, for its digest is its name. */
  recordOf(end: TunnelEnd): string {
    return this.#records.get(end) ?? '';
  }

  tell(step: Step): void {
    const { spoke, interface: name } = this.target.tunnel.plan;
    this.run.emit({ event: 'step', spoke, interface: name, step });
  }

  warn(message: string): void {
    this.run.emit({ event: 'notice', level: 'warning', message });
  }

  /** What a confirmed change is called. */
  get made(): 'removed' | 'rolled_back' | 'changed' {
    const { tunnel, restores } = this.target;
    if (tunnel.expects === 'nothing') return 'removed';
    return restores === undefined ? 'changed' : 'rolled_back';
  }

  /** Is it confirmed at all its ends, if it has any? */
  get isDecided(): boolean {
    return this.target.ends.every((end) => this.confirmed.has(end));
  }

  /** The result of one that has come to its end. */
  done(): TunnelResult {
    return this.result(this.target.ends.length > 0 ? this.made : 'unchanged', () => this.made);
  }

  /** @param statusOf of an end that was to change; the others are unchanged */
  result(
    status: TunnelStatus,
    statusOf: (end: TunnelEnd) => EndStatus,
    error: TunnelFailure | null = null,
  ): TunnelResult {
    const { tunnel, ends } = this.target;
    const { spoke, interface: name, id } = tunnel.plan;
    const ofEnd = (name: End): EndStatus => {
      const end = ends.find((one) => one.end === name);
      return end === undefined ? 'unchanged' : statusOf(end);
    };
    return {
      spoke,
      interface: name,
      id,
      status,
      ends: { hub: ofEnd('hub'), spoke: ofEnd('spoke') },
      down_ms: this.downMs,
      put_back: this.putBack,
      checks: this.proof?.checks ?? [],
      transit: this.proof?.transit ?? null,
      intrusions: this.proof?.intrusions ?? [],
      error,
    };
  }
}

function recordOf({ tunnel, ends, restores }: Target, end: TunnelEnd, identity: RunIdentity, time: string): string {
  const { operator, command } = identity;
  const [mine, other] = end.end === 'hub' ? (['hub', 'spoke'] as const) : (['spoke', 'hub'] as const);
  const header = {
    change: tunnel.change,
    time,
    operator,
    command,
    spoke: tunnel.plan.spoke,
    end: mine,
    restores: restores?.[mine] ?? null,
    otherRestores: restores?.[other] ?? null,
    plan: tunnel.expects === 'plan' ? tunnel.plan : null,
  };
  return generationBody(header, ends.includes(end) ? end.target.text : end.current);
}
