/** Waits for a server's first words, before any of our work is spent on it. */
import type { Duplex } from 'node:stream';
import { VxfleetError } from '../errors.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import { silence } from './silence.js';

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
      const reason = `sent no SSH banner within ${timeoutMs} ms`;
      reject(
        new VxfleetError('connect', `${placeOf(target)} took the connection but ${reason}`, {
          host,
          hint: `is that port sshd's, and is the host alive? try: ${sshCommand(target, '-v')}`,
          cause: silence(reason),
        }),
      );
    }, timeoutMs);
    stream.on('readable', finish);
    stream.on('close', finish);
    if (stream.destroyed) finish();
  });
}
