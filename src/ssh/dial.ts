/** Opens the TCP connection under an SSH connection. */
import { connect, type Socket } from 'node:net';
import { VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import { shellQuote } from './shell-quote.js';
import { silence } from './silence.js';

/** A connected socket with Nagle's algorithm off (it costs about 40 ms an exchange). Rejects with code `connect`. */
export function dial(host: string, target: SshTarget, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(dialError(host, target, silence(`no answer within ${timeoutMs / 1000} s`)));
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

function dialError(host: string, target: SshTarget, thrown: NodeJS.ErrnoException): VxfleetError {
  // With several addresses for one name, node collects one error for each.
  const cause: NodeJS.ErrnoException =
    thrown instanceof AggregateError && thrown.errors[0] instanceof Error ? thrown.errors[0] : thrown;
  const { reason, hint } = explain(target, cause);
  return new VxfleetError('connect', `cannot connect to ${target.host} port ${target.port}: ${reason}`, {
    host,
    hint,
    cause,
  });
}

function explain(target: SshTarget, cause: NodeJS.ErrnoException): { reason: string; hint: string } {
  const tryIt = shellQuote(['ssh', '-p', String(target.port), `${target.user}@${target.host}`, 'true']);
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
