/** The jump hosts of a run: one shared connection to each, over which the hosts behind it are reached. */
import type { Client, ClientChannel } from 'ssh2';
import { VxfleetError, toVxfleetError } from '../errors.js';
import { nearName } from '../inventory/near-name.js';
import { connectionKey, placeOf, type EffectiveTarget } from './effective-target.js';
import { inSeconds } from './in-seconds.js';
import type { Connection, Link } from './link.js';
import { shellQuote } from './shell-quote.js';
import { silence } from './silence.js';

/** How long a jump host that could not be reached is not asked again, in ms: every host behind it would wait for it in turn. */
export const FORGET_FAILURE_MS = 30_000;

export class JumpHosts {
  readonly #connections = new Map<string, Promise<Connection>>();
  /** Those that stood once: sessions through them may have a trial to finish, and each try counts. */
  readonly #known = new Set<string>();
  readonly #logIn: (name: string, target: EffectiveTarget) => Promise<Connection>;

  /** @param logIn with its retries: who comes here has none */
  constructor(logIn: (name: string, target: EffectiveTarget) => Promise<Connection>) {
    this.#logIn = logIn;
  }

  /**
   * The connection to a jump host, made by the first who needs it. Rejects with the code of what failed there; the error is the same for all who
   * come, and names no host of theirs.
   */
  async reach(jump: EffectiveTarget): Promise<Connection> {
    const key = connectionKey(jump);
    const connection = this.#connections.get(key) ?? this.#connect(key, jump);
    this.#connections.set(key, connection);
    return await connection;
  }

  /** Hangs up on all of them. */
  async close(): Promise<void> {
    for (const pending of this.#connections.values()) {
      const connection = await pending.catch(() => undefined);
      connection?.client.end();
      connection?.link.stream.destroy();
    }
    this.#connections.clear();
  }

  async #connect(key: string, jump: EffectiveTarget): Promise<Connection> {
    const forget = (): void => void this.#connections.delete(key);
    try {
      const connection = await this.#logIn(`jump host ${jump.alias}`, jump);
      this.#known.add(key);
      // Whoever comes after it was lost makes a new one.
      connection.client.once('close', forget);
      return connection;
    } catch (thrown) {
      if (this.#known.has(key)) forget();
      else setTimeout(forget, FORGET_FAILURE_MS).unref();
      throw jumpError(jump, toVxfleetError(thrown));
    }
  }
}

/** Without a host: it fails every host behind it, and is told once. */
export function jumpError(jump: EffectiveTarget, error: VxfleetError): VxfleetError {
  if (error.host === undefined) return error;
  return new VxfleetError(error.code, `the jump host ${jump.alias} cannot be passed: ${error.message}`, {
    hint: wayHint(jump, error),
    cause: error,
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
    throw forwardError(host, jump, target, thrown as ForwardFailure);
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

function forwardError(
  host: string,
  jump: EffectiveTarget,
  target: EffectiveTarget,
  cause: ForwardFailure,
): VxfleetError {
  const where = `${placeOf(target)} through ${jump.alias}`;
  const text = cause.message.replace(/^\(SSH\) Channel open failure: /, '');
  if (cause.reason === ADMINISTRATIVELY_PROHIBITED) {
    const message = `cannot connect to ${where}: ${jump.alias} forwards nothing: ${text}`;
    return new VxfleetError('protocol', message, {
      host,
      hint: `see AllowTcpForwarding and PermitOpen of the sshd on ${jump.alias}`,
      cause,
    });
  }
  const tryIt = shellQuote(['nc', '-zv', target.host, String(target.port)]);
  return new VxfleetError('connect', `cannot connect to ${where}: ${text}`, {
    host,
    hint: `is the host up, and can ${jump.alias} reach it? try there: ${tryIt}`,
    cause,
  });
}
