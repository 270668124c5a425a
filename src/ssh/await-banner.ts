/** Waits for a server's first words, before any of our work is spent on it. */
import type { Duplex } from 'node:stream';
import { VxfleetError } from '../errors.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import { inSeconds } from './in-seconds.js';
import { silence } from './silence.js';

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
