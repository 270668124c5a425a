/** From an open link to a logged-in ssh2 client. Every way in which ssh2 reports failure ends here, once. */
import ssh2, { type Client } from 'ssh2';
import { toVxfleetError, type VxfleetError } from '../errors.js';
import { handshakeTimeout, incompatible, lossError } from './connect-error.js';
import type { EffectiveTarget } from './effective-target.js';
import type { HostKeyCheck } from './host-key-check.js';
import type { Link } from './link.js';
import type { Login } from './login.js';
import { coalesceWrites, skipHostKeyProofs } from './ssh2-patches.js';

export interface HandshakeOptions {
  readonly check: HostKeyCheck;
  /** The host has sent its banner. */
  readonly hasSpoken: boolean;
  /** From the first byte to the accepted login, not counting the time a person takes to type a passphrase. */
  readonly readyTimeoutMs: number;
  /** Details for `-v`. */
  readonly onTrace: (message: string) => void;
}

const WHAT_SSH2_HAS =
  "is that port sshd's, and does it allow curve25519-sha256 and rsa-sha2-512 or ed25519? see: sshd -T";

/** ssh2's errors carry where they came from. */
type Ssh2Error = Error & { level?: string };

/** Rejects with code connect, host-key, auth or protocol; the link is closed then. */
export function handshake(
  link: Link,
  host: string,
  target: EffectiveTarget,
  login: Login,
  options: HandshakeOptions,
): Promise<Client> {
  const { check, readyTimeoutMs, onTrace } = options;
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let isSettled = false;
    let timer: NodeJS.Timeout | undefined;

    const fail = (error: VxfleetError): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      link.stream.destroy();
      reject(error);
    };
    const startTimer = (): void => {
      timer = setTimeout(() => fail(handshakeTimeout(host, target, readyTimeoutMs)), readyTimeoutMs);
    };
    const lost = (cause?: Error): VxfleetError =>
      lostError(host, target, { link, login, cause, hasSpoken: options.hasSpoken });

    // Stays for the client's whole life: ssh2 may report twice, and an error without a listener would end the process.
    client.on('error', (error: Ssh2Error) => {
      // ssh2 goes on to the next key after these.
      const isOver = error.message === 'All configured authentication methods failed';
      if (error.level === 'agent' || (error.level === 'client-authentication' && !isOver))
        return login.note(error.message);
      if (check.refusal !== undefined) return fail(check.refusal);
      if (isOver) return fail(login.refusal(host, target));
      const isIncompatible =
        error.level === 'handshake' || (error.level === 'protocol' && !error.message.startsWith('Connection lost'));
      if (isIncompatible && !login.hasTried)
        return fail(incompatible(host, target, error.message, WHAT_SSH2_HAS, error));
      fail(lost(error));
    });
    client.on('close', () => {
      // Each orderly end comes here too: an error is costly to make.
      if (!isSettled) fail(check.refusal ?? lost());
    });
    client.on('handshake', (negotiated) => {
      onTrace(`${host}: key: ${negotiated.kex}, ${negotiated.serverHostKey}, ${negotiated.cs.cipher}`);
      // Only now has the host proven that it holds the key, and no login was offered yet.
      try {
        check.recordNewKey();
      } catch (thrown) {
        fail(toVxfleetError(thrown));
      }
    });
    client.on('ready', () => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      onTrace(`${host}: auth: ${target.user} is in with ${login.lastTried}`);
      resolve(client);
    });

    if (link.stream.destroyed) return fail(lost());
    startTimer();
    coalesceWrites(link.stream);
    try {
      client.connect({
        sock: link.stream,
        username: target.user,
        readyTimeout: 0, // ours stops while a person types
        keepaliveInterval: target.keepaliveIntervalMs,
        keepaliveCountMax: target.keepaliveCountMax,
        algorithms: { serverHostKey: usableAlgorithms(host, target, check) },
        hostVerifier: (key: Buffer) => check.isTrusted(Buffer.from(key)),
        authHandler: (accepted: readonly string[] | null, isPartial, next) => {
          clearTimeout(timer);
          void login.next(accepted, isPartial).then((method) => {
            if (isSettled) return;
            startTimer();
            // The types know no `false`, which ends the login.
            next(method as Exclude<typeof method, false>);
          });
        },
      });
      skipHostKeyProofs(client);
    } catch (thrown) {
      fail(toVxfleetError(thrown));
    }
  });
}

/** Throws `protocol` when ssh_config leaves none. */
function usableAlgorithms(
  host: string,
  target: EffectiveTarget,
  check: HostKeyCheck,
): ReturnType<HostKeyCheck['algorithms']> {
  const algorithms = check.algorithms();
  if (algorithms.length > 0) return algorithms;
  const wanted = target.hostKeyAlgorithms?.join(',') ?? '';
  const hint = 'vxfleet has ssh-ed25519, ecdsa-sha2-nistp256, -384 and -521, rsa-sha2-512 and rsa-sha2-256';
  throw incompatible(host, target, `HostKeyAlgorithms leaves ${wanted}`, hint);
}

interface Loss {
  readonly link: Link;
  readonly login: Login;
  readonly cause: Error | undefined;
  readonly hasSpoken: boolean;
}

function lostError(host: string, target: EffectiveTarget, { link, login, cause, hasSpoken }: Loss): VxfleetError {
  const ofWay = link.endReason();
  const reason = ofWay ?? cause?.message;
  if (login.hasTried) return login.refusal(host, target, reason ?? 'the host closed the connection');
  return lossError(host, target, { hasSpoken, isOfWay: ofWay !== undefined, reason, cause });
}
