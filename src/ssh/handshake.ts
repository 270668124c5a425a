/** From an open link to a logged-in ssh2 client. Every way in which ssh2 reports failure ends here, once. */
import ssh2, { type Client } from 'ssh2';
import { toVxfleetError, VxfleetError } from '../errors.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import type { HostKeyCheck } from './host-key-check.js';
import type { Link } from './link.js';
import type { Login } from './login.js';
import { coalesceWrites, skipHostKeyProofs } from './ssh2-patches.js';
import { inSeconds, silence } from './timeouts.js';

export interface HandshakeOptions {
  readonly check: HostKeyCheck;
  /** The host has sent its banner. */
  readonly hasSpoken: boolean;
  /** From the first byte to the accepted login, not counting the time a person takes to type a passphrase. */
  readonly readyTimeoutMs: number;
  /** Details for `-v`. */
  readonly onTrace: (message: string) => void;
}

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
      timer = setTimeout(() => fail(timeoutError(host, target, readyTimeoutMs)), readyTimeoutMs);
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
      if (isIncompatible && !login.hasTried) return fail(incompatible(host, target, error));
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
  throw new VxfleetError('protocol', `${placeOf(target)} cannot be talked to: HostKeyAlgorithms leaves ${wanted}`, {
    host,
    hint: 'vxfleet has ssh-ed25519, ecdsa-sha2-nistp256, -384 and -521, rsa-sha2-512 and rsa-sha2-256',
  });
}

function timeoutError(host: string, target: EffectiveTarget, timeoutMs: number): VxfleetError {
  const reason = `did not finish the SSH handshake within ${inSeconds(timeoutMs)}`;
  return new VxfleetError('connect', `${placeOf(target)} ${reason}`, {
    host,
    hint: `is the host overloaded? try: ${sshCommand(target, '-v')}`,
    cause: silence(reason),
  });
}

interface Loss {
  readonly link: Link;
  readonly login: Login;
  readonly cause: Error | undefined;
  readonly hasSpoken: boolean;
}

function lostError(host: string, target: EffectiveTarget, { link, login, cause, hasSpoken }: Loss): VxfleetError {
  const reason = link.endReason() ?? cause?.message;
  if (login.hasTried) return login.refusal(host, target, reason ?? 'the host closed the connection');
  const stage = hasSpoken ? 'during the SSH handshake' : 'before it said anything';
  const ended = link.endReason() === undefined ? 'closed the connection' : 'was lost';
  return new VxfleetError(
    'connect',
    `${placeOf(target)} ${ended} ${stage}${reason === undefined ? '' : ` (${reason})`}`,
    {
      host,
      hint:
        target.route.kind === 'command'
          ? `look at its ProxyCommand in your ssh_config; try: ${sshCommand(target, '-v')}`
          : "sshd may be busy (MaxStartups) or hold back this address (PerSourcePenalties): see the host's sshd log",
      cause,
    },
  );
}

function incompatible(host: string, target: EffectiveTarget, error: Error): VxfleetError {
  return new VxfleetError('protocol', `${placeOf(target)} cannot be talked to: ${error.message}`, {
    host,
    hint: `is that port sshd's, and does it allow curve25519-sha256 and rsa-sha2-512 or ed25519? see: sshd -T`,
    cause: error,
  });
}
