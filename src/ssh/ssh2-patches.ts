/** Keeps ssh2 from work that costs much and that nobody has asked for. test/lab/openssh.test.ts and the tests beside show that each still works. */
import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { Client, ParsedKey } from 'ssh2';

/**
 * Holds a socket's writes until the running callback is over. ssh2 writes an AES-GCM packet as three pieces (length, ciphertext, tag), each at
 * once; with Nagle's algorithm off that is three system calls here, and three segments that the host wakes up for.
 */
export function coalesceWrites(socket: Writable): void {
  const write: (...args: Parameters<Writable['write']>) => boolean = socket.write.bind(socket);
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    return write(...(args as Parameters<Writable['write']>));
  };
}

// The names are ssh2's.
/* oxlint-disable no-underscore-dangle */

type GlobalRequest = (protocol: unknown, name: string, wantReply: boolean, data: unknown) => void;

/** What is used of ssh2 1.17.0's own fields. */
interface Ssh2Internals {
  readonly _protocol?: { readonly _handlers?: { GLOBAL_REQUEST?: GlobalRequest } };
}

/**
 * Leaves OpenSSH's list of all its host keys (`hostkeys-00@openssh.com`, sent after the login) unanswered. ssh2 would ask the host to prove each,
 * for an event that we do not listen to: three signatures there, one of them RSA, and as many to verify here. It has no option for that; where its
 * fields are others than we know, it goes on as it would.
 * @param client one that was told to connect
 */
export function skipHostKeyProofs(client: Client): void {
  const handlers = (client as unknown as Ssh2Internals)._protocol?._handlers;
  const handle = handlers?.GLOBAL_REQUEST;
  if (handlers === undefined || handle === undefined) return;
  handlers.GLOBAL_REQUEST = (protocol, name, wantReply, data) => {
    // The host wants no reply to it (OpenSSH's PROTOCOL, 2.5); whoever does, gets ssh2's.
    if (name !== 'hostkeys-00@openssh.com' || wantReply) handle(protocol, name, wantReply, data);
  };
}

/** What ssh2 signs with when it names no hash, by the type of the key; for ed25519 it is null, the key's own. */
const HASHES: Partial<Record<ParsedKey['type'], string>> = {
  'ssh-rsa': 'sha1',
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
};

/**
 * The private key, opened by OpenSSL once: ssh2 hands it over as PEM for each signature, which takes OpenSSL 0.33 ms to read (ed25519; RSA 0.9 ms),
 * and 0.02 ms to sign with. A key that OpenSSL does not read is left as it is, and ssh2 says so when it is used.
 */
export function openKey(key: ParsedKey): ParsedKey {
  let opened: KeyObject;
  try {
    opened = createPrivateKey(key.getPrivatePEM());
  } catch {
    return key;
  }
  key.sign = (data, hash) => sign(hash ?? HASHES[key.type] ?? null, Buffer.from(data), opened);
  return key;
}
