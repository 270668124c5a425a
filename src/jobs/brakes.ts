/** What keeps a run from touching more tunnels: canaries, failures, an interrupt. One for all that a command does. */
import type { Emit, TunnelResult, TunnelStatus } from '../events.js';

export interface BrakeOptions {
  /** That many must be changed and confirmed before others are touched; 0 = none. */
  readonly canary: number;
  /** Touch no more once more than this many have failed. undefined: stop when all of the first wave have. */
  readonly maxFail: number | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** What is wrong at the hub, or for the whole fleet, fails everywhere: then so many tunnels have been tried, and no more. */
const FIRST_WAVE = 10;

/** A spoke that cannot be reached is not among them: nothing was tried there, and some sites are always down. */
const FAILURES: readonly TunnelStatus[] = ['failed', 'reverted', 'unknown'];
const SUCCESSES: readonly TunnelStatus[] = ['changed', 'rolled_back', 'removed', 'removed_at_hub'];

export class Brakes {
  readonly #options: BrakeOptions;
  /** Tunnels that were let through, and those of them that have ended, well or not. */
  #begun = 0;
  #ended = 0;
  #succeeded = 0;
  /** Failures of any tunnel, also of one that was refused before it was touched. */
  #failed = 0;
  #stopped: string | null = null;
  #wake: (() => void)[] = [];

  constructor(options: BrakeOptions) {
    this.#options = options;
    const interrupt = (): void => this.#stop('the run was interrupted', false);
    if (options.signal.aborted) interrupt();
    else options.signal.addEventListener('abort', interrupt, { once: true });
  }

  /** Why no more tunnels are begun; null: they are. */
  get stopped(): string | null {
    return this.#stopped;
  }

  /** Must tunnels be begun in their order? So that the canaries are the first that have to change. */
  get isOrdered(): boolean {
    return this.#stopped === null && this.#succeeded < this.#options.canary;
  }

  /** Asked before a tunnel is touched. Waits for those that have to succeed first. @returns why it must not be touched, or null */
  async admit(): Promise<string | null> {
    while (this.#stopped === null && !this.#isFree()) await new Promise<void>((wake) => this.#wake.push(wake));
    if (this.#stopped === null) this.#begun++;
    return this.#stopped;
  }

  /** What became of a tunnel. @param admitted how often it was let through to be touched */
  record(results: readonly TunnelResult[], admitted: number): void {
    const { canary, maxFail } = this.#options;
    const count = (statuses: readonly TunnelStatus[]): number =>
      results.filter(({ status }) => statuses.includes(status)).length;
    const failed = count(FAILURES);
    this.#failed += failed;
    this.#ended += admitted;
    this.#succeeded += count(SUCCESSES);
    if (failed > 0 && this.#succeeded < canary) this.#stop('stopped: a canary failed');
    else if (maxFail !== undefined && this.#failed > maxFail) {
      this.#stop(`stopped: ${this.#failed} failed, more than --max-fail allows`);
    } else if (
      maxFail === undefined &&
      this.#succeeded === 0 &&
      this.#ended >= FIRST_WAVE &&
      this.#ended === this.#begun
    ) {
      this.#stop(
        `stopped: the first ${this.#ended} tunnels that were tried all failed (--max-fail sets another limit)`,
      );
    }
    this.#wakeAll();
  }

  #isFree(): boolean {
    const { canary, maxFail } = this.#options;
    if (this.#succeeded < canary) return this.#begun - this.#ended + this.#succeeded < canary;
    return maxFail !== undefined || this.#succeeded > 0 || this.#begun < FIRST_WAVE;
  }

  #stop(why: string, isNews = true): void {
    if (this.#stopped === null && isNews) this.#options.emit({ event: 'notice', level: 'warning', message: why });
    this.#stopped ??= why;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
