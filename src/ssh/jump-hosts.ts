/** The jump hosts of a run: each is logged in to once, before the hosts behind it, and its failure is theirs. */
import type { Client, ClientChannel } from 'ssh2';
import { toVxfleetError, VxfleetError } from '../errors.js';
import { nearName } from '../inventory/near-name.js';
import { connectionKey, placeOf, type EffectiveTarget } from './effective-target.js';
import type { Connection, Link } from './link.js';
import { shellQuote } from './shell-quote.js';
import { inSeconds, silence } from './timeouts.js';

/** How long a jump host that could not be reached is not asked again, in ms: every host behind it would wait for it in turn. */
const FORGET_FAILURE_MS = 30_000;

/** @typeParam T what those behind a jump host need of it */
export class JumpHosts<T> {
  readonly #reached = new Map<string, Promise<T>>();
  /** Those that stood once: sessions through them may have a trial to finish, and each try counts. */
  readonly #known = new Set<string>();
  readonly #logIn: (name: string, jump: EffectiveTarget, onLost: () => void) => Promise<T>;

  /** @param logIn with its retries: who comes here has none. Whoever comes after `onLost` has it called again. */
  constructor(logIn: (name: string, jump: EffectiveTarget, onLost: () => void) => Promise<T>) {
    this.#logIn = logIn;
  }

  /**
   * Logs in to a jump host for the first who needs it. Rejects with the code of what failed there; the error is the same for all who come, and names
   * no host of theirs.
   */
  async reach(jump: EffectiveTarget): Promise<T> {
    const key = connectionKey(jump);
    const reached = this.#reached.get(key) ?? this.#try(key, jump);
    this.#reached.set(key, reached);
    return await reached;
  }

  /** Forgets them all. @param end of what was reached */
  async close(end: (reached: T) => void): Promise<void> {
    const all = [...this.#reached.values()];
    this.#reached.clear();
    for (const pending of all) await pending.then(end, () => {});
  }

  async #try(key: string, jump: EffectiveTarget): Promise<T> {
    const forget = (): void => void this.#reached.delete(key);
    try {
      const reached = await this.#logIn(`jump host ${jump.alias}`, jump, forget);
      this.#known.add(key);
      return reached;
    } catch (thrown) {
      if (this.#known.has(key)) forget();
      else setTimeout(forget, FORGET_FAILURE_MS).unref();
      throw jumpError(jump, toVxfleetError(thrown));
    }
  }
}

/** Without a host: it fails every host behind it, and is told once. @param cause default the error itself: it has been retried */
export function jumpError(jump: EffectiveTarget, error: VxfleetError, cause: unknown = error): VxfleetError {
  if (error.host === undefined) return error;
  return new VxfleetError(error.code, `the jump host ${jump.alias} cannot be passed: ${error.message}`, {
    hint: wayHint(jump, error),
    cause,
  });
}

/** What is said of a host's own name is, of a jump host's, about proxy_jump. */
function wayHint({ alias }: EffectiveTarget, { hint }: VxfleetError): string | undefined {
  if (hint?.startsWith('check ssh.host') !== true) return hint;
  const near = nearName(alias, ['hub']) === undefined ? '' : '; the hub is called hub: did you mean proxy_jump: hub?';
  return `${hint.replace('ssh.host', 'ssh.proxy_jump')}${near}`;
}

/**
 * Opens the way from a jump host to the next. Rejects with `connect` when the jump host cannot reach it, `protocol` when it forwards nothing.
 */
export async function forward(
  host: string,
  { client }: Connection,
  jump: EffectiveTarget,
  target: EffectiveTarget,
): Promise<Link> {
  try {
    const channel = await openChannel(client, target);
    channel.on('error', () => {});
    return { stream: channel, endReason: () => undefined, unref: () => {} };
  } catch (thrown) {
    const { message, reason } = thrown as ForwardFailure;
    const text = message.replace(/^\(SSH\) Channel open failure: /, '');
    throw forwardError(host, jump, target, {
      text,
      isProhibited: reason === ADMINISTRATIVELY_PROHIBITED,
      cause: thrown,
    });
  }
}

/** ssh2 hands over the reason that the jump host gives, a number of RFC 4254, 5.1. */
type ForwardFailure = Error & { readonly reason?: number };

const ADMINISTRATIVELY_PROHIBITED = 1;

function openChannel(client: Client, { host, port, connectTimeoutMs }: EffectiveTarget): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const fail = (failure: ForwardFailure): void => {
      settle();
      reject(failure);
    };
    const settle = (): void => {
      isSettled = true;
      clearTimeout(timer);
      client.off('close', onClose);
    };
    const timer = setTimeout(() => fail(silence(`no answer within ${inSeconds(connectTimeoutMs)}`)), connectTimeoutMs);
    const onClose = (): void => fail(new Error('the connection to the jump host was lost'));
    client.once('close', onClose);
    try {
      // forwardOut() throws instead of calling back when the connection is gone already.
      client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (error !== undefined) return fail(error);
        // Too late: the timer has given up.
        if (isSettled) return channel.destroy();
        settle();
        resolve(channel);
      });
    } catch {
      onClose();
    }
  });
}

/** What a jump host says of a way that it does not open. */
interface Refusal {
  readonly text: string;
  readonly isProhibited: boolean;
  readonly cause?: unknown;
}

export function forwardError(
  host: string,
  jump: EffectiveTarget,
  target: EffectiveTarget,
  { text, isProhibited, cause }: Refusal,
): VxfleetError {
  const where = `${placeOf(target)} through ${jump.alias}`;
  if (isProhibited) {
    const message = `cannot connect to ${where}: ${jump.alias} forwards nothing: ${text}`;
    const hint = `see AllowTcpForwarding and PermitOpen of the sshd on ${jump.alias}`;
    return new VxfleetError('protocol', message, { host, hint, cause });
  }
  const tryIt = shellQuote(['nc', '-zv', target.host, String(target.port)]);
  return new VxfleetError('connect', `cannot connect to ${where}: ${text}`, {
    host,
    hint: `is the host up, and can ${jump.alias} reach it? try there: ${tryIt}`,
    cause,
  });
}
