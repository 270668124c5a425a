/** One login's way through its planned keys, and the account of it when none was accepted. */
import type { AnyAuthMethod } from 'ssh2';
import { VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import type { LoginKey, LoginPlan } from './login-plan.js';
import { shellQuote } from './shell-quote.js';

/** sshd's MaxAuthTries: after so many keys it hangs up. */
const SSHD_MAX_AUTH_TRIES = 6;

/** The state of one login: each key is tried once. */
export class Login {
  readonly #waiting: LoginKey[];
  readonly #tried: string[] = [];
  readonly #notes: string[];
  #accepted: readonly string[] | null = null;
  #prepared: { key: LoginKey; method: AnyAuthMethod } | undefined;

  constructor(plan: LoginPlan) {
    this.#waiting = [...plan.keys];
    this.#notes = [...plan.notes];
  }

  /** Whether the host was shown a key: from then on a broken connection may be a refusal, and must not be repeated. */
  get hasTried(): boolean {
    return this.#tried.length > 0;
  }

  /** Opens the first usable key before the host is contacted, so that a question keeps no connection waiting. False if none is usable. */
  async prepareFirst(): Promise<boolean> {
    this.#prepared = await this.#prepareNext();
    return this.#prepared !== undefined;
  }

  /** The next method to offer; false when there is none left. `accepted` is what the host said it takes, after a refusal. */
  async next(accepted: readonly string[] | null): Promise<AnyAuthMethod | false> {
    this.#accepted = accepted ?? this.#accepted;
    const next = this.#prepared ?? (await this.#prepareNext());
    this.#prepared = undefined;
    if (next === undefined) return false;
    this.#tried.push(next.key.label);
    return next.method;
  }

  /** Records something that went wrong on the way and did not end the login, e.g. an agent that refused to sign. */
  note(text: string): void {
    this.#notes.push(text);
  }

  /** The refusal, with all that was tried. */
  refusal(host: string, target: SshTarget, reason?: string): VxfleetError {
    const who = `${target.user}@${target.host} port ${target.port}`;
    const facts = [
      this.#tried.length === 0
        ? `cannot log in to ${who}: no usable key`
        : `login refused by ${who}${reason === undefined ? '' : ` (${reason})`}; tried ${this.#tried.join(', ')}`,
      ...(this.#accepted === null ? [] : [`the host accepts ${this.#accepted.join(', ') || 'nothing'}`]),
      ...this.#notes,
    ];
    return new VxfleetError('auth', facts.join('; '), { host, hint: this.#hint(target) });
  }

  #hint(target: SshTarget): string {
    const copy = shellQuote(['ssh-copy-id', '-p', String(target.port), `${target.user}@${target.host}`]);
    const lines = [`put a key of yours on the host: ${copy}, or name the right one with ssh.identity_file or ssh.user`];
    if (this.#tried.length + this.#waiting.length >= SSHD_MAX_AUTH_TRIES) {
      lines.push(`sshd hangs up after ${SSHD_MAX_AUTH_TRIES} keys: name the one to use with ssh.identity_file`);
    }
    return lines.join('\n');
  }

  async #prepareNext(): Promise<{ key: LoginKey; method: AnyAuthMethod } | undefined> {
    for (let key = this.#waiting.shift(); key !== undefined; key = this.#waiting.shift()) {
      const method = await key.prepare();
      if (typeof method !== 'string') return { key, method };
      this.#notes.push(`${key.label}: ${method}`);
    }
    return undefined;
  }
}
