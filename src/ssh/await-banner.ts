/** Waits for a server's first words, before any of our work is spent on it. */
import type { Socket } from 'node:net';
import { VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import { shellQuote } from './shell-quote.js';
import { silence } from './silence.js';

/**
 * Resolves when there is something to read or the socket is closed; reads nothing. A hung host still accepts TCP (its kernel does):
 * it must time out here, not in one of the few handshake slots. Rejects with code `connect`.
 */
export function awaitBanner(socket: Socket, host: string, target: SshTarget, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      socket.off('readable', finish);
      socket.off('close', finish);
      resolve();
    };
    const timer = setTimeout(() => {
      socket.destroy();
      const reason = `sent no SSH banner within ${timeoutMs} ms`;
      const tryIt = shellQuote(['ssh', '-v', '-p', String(target.port), `${target.user}@${target.host}`, 'true']);
      reject(
        new VxfleetError('connect', `${target.host} port ${target.port} took the connection but ${reason}`, {
          host,
          hint: `is that port sshd's, and is the host alive? try: ${tryIt}`,
          cause: silence(reason),
        }),
      );
    }, timeoutMs);
    socket.on('readable', finish);
    socket.on('close', finish);
  });
}
