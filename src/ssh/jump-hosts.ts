/** The jump hosts of a run: one shared connection to each, over which the hosts behind it are reached. */
import { VxfleetError, toVxfleetError } from '../errors.js';
import { connectionKey, placeOf, type EffectiveTarget } from './effective-target.js';
import type { Connection, Link } from './link.js';
import { silence } from './silence.js';

/** How long a jump host that could not be reached is not asked again, in ms: every host behind it would wait for it in turn. */
export const FORGET_FAILURE_MS = 30_000;

export class JumpHosts {
  readonly #connections = new Map<string, Promise<Connection>>();
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
      // Whoever comes after it was lost makes a new one.
      connection.client.once('close', forget);
      return connection;
    } catch (thrown) {
      setTimeout(forget, FORGET_FAILURE_MS).unref();
      throw jumpError(jump, toVxfleetError(thrown));
    }
  }
}

/** Without a host: it fails every host behind it, and is told once. */
export function jumpError(jump: EffectiveTarget, error: VxfleetError): VxfleetError {
  if (error.host === undefined) return error;
  return new VxfleetError(error.code, `the jump host ${jump.alias} cannot be passed: ${error.message}`, {
    hint: error.hint,
    cause: error,
  });
}

/**
 * Opens the way from a jump host to the next. Rejects with `connect` when the jump host cannot reach it, `protocol` when it forwards nothing.
 */
export function forward(
  host: string,
  { client }: Connection,
  jump: EffectiveTarget,
  target: EffectiveTarget,
): Promise<Link> {
  return new Promise((resolve, reject) => {
    const where = `${placeOf(target)} through ${jump.alias}`;
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
      clearTimeout(timer);
      client.off('close', onClose);
    };
    const fail = (code: 'connect' | 'protocol', reason: string, hint: string, cause?: Error): void => {
      settle();
      reject(new VxfleetError(code, `cannot connect to ${where}: ${reason}`, { host, hint, cause }));
    };
    const seeFromThere = `is the host up, and can ${jump.alias} reach it? try there: nc -zv ${target.host} ${target.port}`;
    const timer = setTimeout(() => {
      const reason = `no answer within ${target.connectTimeoutMs / 1000} s`;
      fail('connect', reason, seeFromThere, silence(reason));
    }, target.connectTimeoutMs);
    const onClose = (): void => fail('connect', `the connection to ${jump.alias} was lost`, seeFromThere);
    client.once('close', onClose);
    try {
      client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, channel) => {
        if (error !== undefined) {
          const { reason } = error as Error & { reason?: number };
          const text = error.message.replace(/^\(SSH\) Channel open failure: /, '');
          return reason === ADMINISTRATIVELY_PROHIBITED
            ? fail(
                'protocol',
                `${jump.alias} forwards nothing: ${text}`,
                `see AllowTcpForwarding and PermitOpen of its sshd`,
                error,
              )
            : fail('connect', text, seeFromThere, error);
        }
        channel.on('error', () => {});
        // Too late: the timer has given up.
        if (isSettled) return channel.destroy();
        settle();
        resolve({ stream: channel, endReason: () => undefined, unref: () => {} });
      });
    } catch {
      // forwardOut() throws instead of calling back when the connection is gone already.
      onClose();
    }
  });
}

/** RFC 4254, 5.1. */
const ADMINISTRATIVELY_PROHIBITED = 1;
