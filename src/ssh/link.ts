/** What SSH is spoken over: how it is opened, and how long a server may be silent there. */
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { VxfleetError } from '../errors.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import { shellQuote } from './shell-quote.js';
import { inSeconds, silence } from './timeouts.js';

export interface Link {
  readonly stream: Duplex;
  /** Why the stream ended, where the link knows more than that it did. */
  readonly endReason: () => string | undefined;
  /** Lets the process end although the link is still open. */
  readonly unref: () => void;
}

/** A client that is logged in, and what it speaks over. */
export interface Connection {
  readonly client: Client;
  readonly link: Link;
}

/** A TCP connection with Nagle's algorithm off (it costs about 40 ms an exchange). Rejects with code `connect`. */
export async function dial(host: string, target: EffectiveTarget): Promise<Link> {
  const socket = await connectTo(host, target, target.connectTimeoutMs);
  return { stream: socket, endReason: () => undefined, unref: () => void socket.unref() };
}

function connectTo(host: string, target: EffectiveTarget, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(dialError(host, target, silence(`no answer within ${inSeconds(timeoutMs)}`)));
    }, timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    // Stays for the socket's whole life: an error without a listener would end the process.
    socket.on('error', (error) => {
      clearTimeout(timer);
      reject(dialError(host, target, error));
    });
  });
}

/** What a person is told of a host that cannot be connected to, by the kernel's code for it. */
export function dialError(host: string, target: EffectiveTarget, thrown: NodeJS.ErrnoException): VxfleetError {
  // With several addresses for one name, node collects one error for each.
  const cause: NodeJS.ErrnoException =
    thrown instanceof AggregateError && thrown.errors[0] instanceof Error ? thrown.errors[0] : thrown;
  const { reason, hint } = explain(target, cause);
  return new VxfleetError('connect', `cannot connect to ${placeOf(target)}: ${reason}`, {
    host,
    hint,
    cause,
  });
}

function explain(target: EffectiveTarget, cause: NodeJS.ErrnoException): { reason: string; hint: string } {
  const tryIt = sshCommand(target);
  switch (cause.code) {
    case 'ECONNREFUSED':
      return {
        reason: 'connection refused',
        hint: `is sshd running there, and is ssh.port ${target.port} right? try: ${tryIt}`,
      };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return {
        reason: cause.code === 'EHOSTUNREACH' ? 'no route to host' : 'network unreachable',
        hint: `is the host up and ssh.host right? see: ${shellQuote(['ip', 'route', 'get', target.host])}`,
      };
    case 'ETIMEDOUT':
      return {
        reason: cause.message.startsWith('connect ') ? 'no answer' : cause.message,
        hint: `is the host up, and does a firewall drop port ${target.port}? try: ${tryIt}`,
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NONAME':
      return {
        reason: cause.code === 'EAI_AGAIN' ? 'the name server does not answer' : 'the name does not exist',
        hint: `check ssh.host: ${shellQuote(['getent', 'hosts', target.host])}`,
      };
    default:
      return { reason: cause.message, hint: `try: ${tryIt}` };
  }
}

/** A busy host's sshd may need a while to speak, however soon its kernel takes the connection. */
const LEAST_MS = 10_000;

/** For how long a host that has taken the connection may stay silent. */
export const bannerTimeoutMs = ({ connectTimeoutMs }: EffectiveTarget, leastMs = LEAST_MS): number =>
  Math.max(connectTimeoutMs, leastMs);

/** What a person is told when it was longer than that. */
export function bannerError(host: string, target: EffectiveTarget, timeoutMs: number): VxfleetError {
  const reason = `sent no SSH banner within ${inSeconds(timeoutMs)}`;
  return new VxfleetError('connect', `${placeOf(target)} took the connection but ${reason}`, {
    host,
    hint: `is that port sshd's, and is the host alive? try: ${sshCommand(target, '-v')}; a slow one may have more time: --connect-timeout ${Math.ceil((3 * timeoutMs) / 1000)}`,
    cause: silence(reason),
  });
}

/**
 * Resolves when there is something to read (true) or the stream is closed (false); reads nothing. A hung host still accepts TCP (its kernel does):
 * it must time out here, not in one of the few handshake slots. Rejects with code `connect`.
 */
export function awaitBanner(
  stream: Duplex,
  host: string,
  target: EffectiveTarget,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      stream.off('readable', finish);
      stream.off('close', finish);
      resolve(stream.readableLength > 0);
    };
    const timer = setTimeout(() => {
      stream.destroy();
      reject(bannerError(host, target, timeoutMs));
    }, timeoutMs);
    stream.on('readable', finish);
    stream.on('close', finish);
    if (stream.destroyed) finish();
  });
}
