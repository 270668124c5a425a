/** From a connected socket to a logged-in ssh2 client. Every way in which ssh2 reports failure ends here, once. */
import type { Socket } from 'node:net';
import ssh2, { type Client } from 'ssh2';
import { VxfleetError, toVxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import { coalesceWrites } from './coalesce-writes.js';
import { hostKeyError, keyTypeName } from './host-key-error.js';
import { fingerprint, hostKeyAlgorithms, judgeHostKey, keyType, type KnownHostsEntry } from './known-hosts.js';
import type { KnownHostsStore } from './known-hosts-store.js';
import type { Login } from './login.js';
import { shellQuote } from './shell-quote.js';
import { silence } from './silence.js';
import { skipHostKeyProofs } from './skip-host-key-proofs.js';

export interface HandshakeOptions {
  readonly knownHosts: KnownHostsStore;
  /** Trusts and records the key of a host that no line names. */
  readonly acceptNew: boolean;
  /** From the first byte to the accepted login, not counting the time a person takes to type a passphrase. */
  readonly readyTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  /** Unanswered keepalives after which the connection is given up. */
  readonly keepaliveCountMax: number;
  readonly onNotice: (message: string) => void;
  readonly onTrace: (message: string) => void;
}

/** ssh2's errors carry where they came from. */
type Ssh2Error = Error & { level?: string };

/** Rejects with code connect, host-key, auth or protocol; the socket is closed then. */
export function handshake(
  socket: Socket,
  host: string,
  target: SshTarget,
  login: Login,
  options: HandshakeOptions,
): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let isSettled = false;
    let timer: NodeJS.Timeout | undefined;
    let refusal: VxfleetError | undefined;
    let newKey: Buffer | undefined;
    const where = `${target.host} port ${target.port}`;
    const tryIt = shellQuote(['ssh', '-v', '-p', String(target.port), `${target.user}@${target.host}`, 'true']);

    const fail = (error: VxfleetError): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const startTimer = (): void => {
      timer = setTimeout(() => fail(timeoutError()), options.readyTimeoutMs);
    };
    const timeoutError = (): VxfleetError => {
      const reason = `did not finish the SSH handshake within ${options.readyTimeoutMs} ms`;
      return new VxfleetError('connect', `${where} ${reason}`, {
        host,
        hint: `is the host overloaded? try: ${tryIt}`,
        cause: silence(reason),
      });
    };
    const lost = (cause?: Error): VxfleetError => {
      if (login.hasTried) return login.refusal(host, target, cause?.message ?? 'the host closed the connection');
      const stage = socket.bytesRead === 0 ? 'before it said anything' : 'during the SSH handshake';
      return new VxfleetError(
        'connect',
        `${where} closed the connection ${stage}${cause === undefined ? '' : ` (${cause.message})`}`,
        {
          host,
          hint: "sshd may be busy (MaxStartups) or hold back this address (PerSourcePenalties): see the host's sshd log",
          cause,
        },
      );
    };

    // Stays for the client's whole life: ssh2 may report twice, and an error without a listener would end the process.
    client.on('error', (error: Ssh2Error) => {
      // ssh2 goes on to the next key after these.
      const isOver = error.message === 'All configured authentication methods failed';
      if (error.level === 'agent' || (error.level === 'client-authentication' && !isOver))
        return login.note(error.message);
      if (refusal !== undefined) return fail(refusal);
      if (isOver) return fail(login.refusal(host, target));
      const isIncompatible =
        error.level === 'handshake' || (error.level === 'protocol' && !error.message.startsWith('Connection lost'));
      if (isIncompatible && !login.hasTried) return fail(incompatible(host, target, error));
      fail(lost(error));
    });
    client.on('close', () => fail(refusal ?? lost()));
    client.on('handshake', (negotiated) => {
      options.onTrace(`${host}: ${negotiated.kex}, ${negotiated.serverHostKey}, ${negotiated.cs.cipher}`);
      if (newKey === undefined) return;
      // Only now has the host proven that it holds the key, and no login was offered yet.
      try {
        recordNewKey(newKey);
      } catch (thrown) {
        fail(toVxfleetError(thrown));
      }
      newKey = undefined;
    });
    client.on('ready', () => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      resolve(client);
    });

    const entriesOfHost = (): readonly KnownHostsEntry[] => options.knownHosts.entriesOf(target.host, target.port);
    /** Fills `refusal` unless the key may be used. */
    const isTrusted = (key: Buffer): boolean => {
      const { knownHosts } = options;
      const verdict = judgeHostKey(entriesOfHost(), target.host, target.port, key);
      if (verdict.kind === 'known') return true;
      if (verdict.kind === 'unknown' && options.acceptNew) {
        newKey = key;
        return true;
      }
      refusal = hostKeyError(host, target, key, verdict, knownHosts.files);
      return false;
    };
    const recordNewKey = (key: Buffer): void => {
      // Another connection to the same host may have been first, with this key or another.
      const verdict = judgeHostKey(entriesOfHost(), target.host, target.port, key);
      if (verdict.kind === 'known') return;
      if (verdict.kind !== 'unknown') throw hostKeyError(host, target, key, verdict, options.knownHosts.files);
      options.knownHosts.add(target.host, target.port, key);
      const shown = `${keyTypeName(keyType(key))} key ${fingerprint(key)}`;
      options.onNotice(`${host}: recorded the new host key of ${where} in ${options.knownHosts.files[0]}: ${shown}`);
    };

    if (socket.destroyed) return fail(lost());
    startTimer();
    coalesceWrites(socket);
    try {
      client.connect({
        sock: socket,
        username: target.user,
        readyTimeout: 0, // ours stops while a person types
        keepaliveInterval: options.keepaliveIntervalMs,
        keepaliveCountMax: options.keepaliveCountMax,
        algorithms: { serverHostKey: hostKeyAlgorithms(entriesOfHost(), target.host, target.port) },
        hostVerifier: (key: Buffer) => isTrusted(Buffer.from(key)),
        authHandler: (accepted: readonly string[] | null, _partial, next) => {
          clearTimeout(timer);
          void login.next(accepted).then((method) => {
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

function incompatible(host: string, target: SshTarget, error: Error): VxfleetError {
  return new VxfleetError('protocol', `${target.host} port ${target.port} cannot be talked to: ${error.message}`, {
    host,
    hint: `is that port sshd's, and does it allow curve25519-sha256 and rsa-sha2-512 or ed25519? see: sshd -T`,
    cause: error,
  });
}
