/** Opens the TCP connection under an SSH connection. */
import { connect, type Socket } from 'node:net';
import { VxfleetError } from '../errors.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import { inSeconds } from './in-seconds.js';
import type { Link } from './link.js';
import { shellQuote } from './shell-quote.js';
import { silence } from './silence.js';

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
