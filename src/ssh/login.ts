/** One login's way through its planned keys, and the account of it when none was accepted. */
import type { AnyAuthMethod } from 'ssh2';
import { VxfleetError } from '../errors.js';
import { placeOf, type EffectiveTarget } from './effective-target.js';
import type { LoginMethod, LoginPlan } from './login-plan.js';
import { shellQuote } from './shell-quote.js';

/** sshd's MaxAuthTries: after so many keys it hangs up. */
export const SSHD_MAX_AUTH_TRIES = 6;

interface Prepared {
  readonly label: string;
  readonly method: AnyAuthMethod;
}

/** How a login went. */
export interface LoginAccount {
  /** Labels of what was offered. */
  readonly tried: readonly string[];
  /** Why it ended before all was tried. */
  readonly reason: string | undefined;
  /** What the host says it takes. */
  readonly accepted: readonly string[] | undefined;
  readonly notes: readonly string[];
  /** A key was taken, and the host wants something more. `perhaps`: or it takes no key at all. */
  readonly isHalfWay: boolean | 'perhaps';
  /** There were more keys than sshd's MaxAuthTries. */
  readonly hasMany: boolean;
}

/** The refusal of a login, with all that was tried. */
export function loginRefused(
  host: string,
  target: EffectiveTarget,
  { tried, reason, accepted, notes, isHalfWay, hasMany }: LoginAccount,
): VxfleetError {
  const who = `${target.user}@${placeOf(target)}`;
  if (isHalfWay) {
    const taken = `${who} ${isHalfWay === 'perhaps' ? 'takes no key, or took one,' : 'took the key'}`;
    return secondFactorWanted(host, target, taken, { tried, accepted: accepted ?? [] });
  }
  const facts = [
    tried.length === 0
      ? `cannot log in to ${who}: no usable key`
      : `login refused by ${who}${reason === undefined ? '' : ` (${reason})`}; tried ${tried.join(', ')}`,
    ...(accepted === undefined ? [] : [`the host accepts ${accepted.join(', ') || 'nothing'}`]),
    ...notes,
  ];
  const copy = shellQuote(['ssh-copy-id', '-p', String(target.port), `${target.user}@${target.host}`]);
  const isLocked = notes.some((note) => /it is encrypted|passphrase/.test(note));
  const unlock = 'unlock the key: ssh-add, or type its passphrase on the terminal that vxfleet is run from';
  const hints =
    isLocked && tried.length === 0
      ? [unlock]
      : [`put a key of yours on the host: ${copy}, or name the right one with ssh.identity_file or ssh.user`];
  if (hasMany)
    hints.push(`sshd hangs up after ${SSHD_MAX_AUTH_TRIES} keys: name the one to use with ssh.identity_file`);
  return new VxfleetError('auth', facts.join('; '), { host, hint: hints.join('\n') });
}

/** The key is good, and another one would not help. */
function secondFactorWanted(
  host: string,
  target: EffectiveTarget,
  taken: string,
  { tried, accepted }: Pick<LoginAccount, 'tried'> & { readonly accepted: readonly string[] },
): VxfleetError {
  const asksForPassword = accepted.some((method) => method === 'password' || method === 'keyboard-interactive');
  return new VxfleetError(
    'auth',
    `${taken} and wants a second factor: ${accepted.join(', ') || 'it does not say which'}${
      tried.length > 1 ? `; tried ${tried.join(', ')}` : ''
    }`,
    {
      host,
      hint: [
        ...(asksForPassword ? ['if that is the password: --ask-pass'] : []),
        `a code that changes cannot be given for a whole fleet: in the host's sshd_config, "Match User ${target.user}" with "AuthenticationMethods publickey" (and Match Address for where vxfleet runs) lets this login do with its key`,
      ].join('\n'),
    },
  );
}

/** The state of one login: each method is tried once. */
export class Login {
  readonly #waiting: LoginMethod[];
  readonly #tried: string[] = [];
  readonly #notes: string[];
  #accepted: readonly string[] | null = null;
  #prepared: Prepared | undefined;
  #isHalfWay = false;

  constructor(plan: LoginPlan) {
    this.#waiting = [...plan.methods];
    this.#notes = [...plan.notes];
  }

  /** Whether the host was shown a key: from then on a broken connection may be a refusal, and must not be repeated. */
  get hasTried(): boolean {
    return this.#tried.length > 0;
  }

  /** The label of what was offered last. */
  get lastTried(): string {
    return this.#tried.at(-1) ?? 'nothing';
  }

  /** Opens the first usable key before the host is contacted, so that a question keeps no connection waiting. False if none is usable. */
  async prepareFirst(): Promise<boolean> {
    this.#prepared = await this.#prepareNext();
    return this.#prepared !== undefined;
  }

  /**
   * The next method to offer; false when there is none left. `accepted` is what the host said it takes, after a refusal; or, when `isPartial`,
   * what it wants besides what was right.
   */
  async next(accepted: readonly string[] | null, isPartial = false): Promise<AnyAuthMethod | false> {
    this.#isHalfWay ||= isPartial;
    this.#accepted = accepted ?? this.#accepted;
    const next = this.#prepared ?? (await this.#prepareNext());
    this.#prepared = undefined;
    if (next === undefined) return false;
    this.#tried.push(next.label);
    return next.method;
  }

  /** Records something that went wrong on the way and did not end the login, e.g. an agent that refused to sign. */
  note(text: string): void {
    this.#notes.push(text);
  }

  /** The refusal, with all that was tried. */
  refusal(host: string, target: EffectiveTarget, reason?: string): VxfleetError {
    const methods = this.#tried.length + this.#waiting.length;
    return loginRefused(host, target, {
      tried: this.#tried,
      reason,
      accepted: this.#accepted ?? undefined,
      notes: this.#notes,
      isHalfWay: this.#isHalfWay,
      hasMany: methods >= SSHD_MAX_AUTH_TRIES,
    });
  }

  async #prepareNext(): Promise<Prepared | undefined> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (!this.#isWorthwhile(next)) continue;
      const method = await next.prepare();
      if (typeof method !== 'string') return { label: next.label, method };
      this.#notes.push(`${next.label}: ${method}`);
    }
    return undefined;
  }

  /** Does the host take such a thing, and has it not refused the same already? Unknown before the first refusal. */
  #isWorthwhile({ type }: LoginMethod): boolean {
    if (this.#accepted === null) return true;
    const isRepeated = type === 'keyboard-interactive' && this.#accepted.includes('password');
    return this.#accepted.includes(type) && !isRepeated;
  }
}
