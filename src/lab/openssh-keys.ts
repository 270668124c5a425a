/** ed25519 keys in OpenSSH's formats, without ssh-keygen, which the machine may lack. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';

export interface OpensshKey {
  /** Text of the private key file. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…`, as authorized_keys and known_hosts have it. */
  readonly publicKey: string;
}

/** A new unencrypted key. */
export function generateOpensshKey(comment: string): OpensshKey {
  // As DER, whose last 32 bytes are the number itself: exporting a KeyObject as JWK has been seen to hang on Node 20.
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  const seed = privateKey.subarray(-32);
  const point = publicKey.subarray(-32);
  const type = field(Buffer.from('ssh-ed25519'));
  const publicBlob = Buffer.concat([type, field(point)]);
  // Twice the same number, so that a decrypted block can be told from garbage; then the key, padded 1, 2, 3 … to the block of 8.
  const check = randomBytes(4);
  const body = Buffer.concat([
    check,
    check,
    type,
    field(point),
    field(Buffer.concat([seed, point])),
    field(Buffer.from(comment)),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, index) => index + 1));
  const none = field(Buffer.from('none'));
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    none,
    none,
    field(Buffer.alloc(0)),
    number(1),
    field(publicBlob),
    field(Buffer.concat([body, padding])),
  ]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n'),
    publicKey: `ssh-ed25519 ${publicBlob.toString('base64')}`,
  };
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const field = (bytes: Buffer): Buffer => Buffer.concat([number(bytes.length), bytes]);
