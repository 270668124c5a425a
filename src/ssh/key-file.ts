/** Private key files: read once a run, opened with one question a file however many hosts need it. */
import ssh2, { type ParsedKey } from 'ssh2';
import { unsupportedKey } from './agent-keys.js';
import { keyType } from './known-hosts.js';
import { openKey } from './ssh2-patches.js';
import { readRegular } from './local-machine.js';

/** What a key file turned out to be. */
export type KeyFile =
  | { readonly kind: 'absent' }
  /** Ready to sign. */
  | { readonly kind: 'private'; readonly key: ParsedKey }
  /** Encrypted; the public key is known where the format shows it. */
  | { readonly kind: 'locked'; readonly publicKey: Buffer | undefined }
  /** Only a public key: the agent must hold the other half. */
  | { readonly kind: 'public'; readonly key: ParsedKey }
  | {
      readonly kind: 'bad';
      readonly reason: string;
      readonly hint: string;
      /** The type of a key that OpenSSH could use, and ssh2 cannot. */
      readonly unsupported?: string;
    };

/** Asks the person for a key's passphrase; undefined when there is nobody to ask or no answer. */
export type AskPassphrase = (keyPath: string) => Promise<string | undefined>;

/** The outcome of opening an encrypted key. */
export type Unlocked = { readonly key: ParsedKey } | { readonly reason: string };

/** All key files of a run. */
export class KeyRing {
  readonly #files = new Map<string, Promise<KeyFile>>();
  readonly #unlocked = new Map<string, Promise<Unlocked>>();
  readonly #ask: AskPassphrase | undefined;

  constructor(ask: AskPassphrase | undefined) {
    this.#ask = ask;
  }

  /** Never rejects. */
  read(path: string): Promise<KeyFile> {
    return remember(this.#files, path, readKeyFile);
  }

  /** Never rejects. Hosts that come while the question is open share its answer; a wrong passphrase is not asked for again. */
  unlock(path: string): Promise<Unlocked> {
    return remember(this.#unlocked, path, (it) => unlockKeyFile(it, this.#ask));
  }
}

function remember<T>(memory: Map<string, Promise<T>>, path: string, make: (path: string) => Promise<T>): Promise<T> {
  const made = memory.get(path) ?? make(path);
  memory.set(path, made);
  return made;
}

async function readKeyFile(path: string): Promise<KeyFile> {
  let data: Buffer;
  let mode: number;
  try {
    ({ mode, data } = readRegular(path));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'absent' };
    return { kind: 'bad', reason: message, hint: `make ${path} a readable private key` };
  }
  const key = parse(data);
  if (!(key instanceof Error) && !key.isPrivateKey()) return { kind: 'public', key };
  const publicKey = publicHalf(data);
  const type = publicKey === undefined ? publicTextType(data) : keyType(publicKey);
  if (type !== undefined && /^sk-|-cert-v0\d@/.test(type)) {
    const hint = 'name another key with ssh.identity_file, or use --transport openssh';
    return { kind: 'bad', reason: unsupportedKey(type), hint, unsupported: type };
  }
  // As ssh does: a private key that others can read is no longer private, and using it would hide that.
  if ((mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    return { kind: 'bad', reason: `others may access it (mode ${octal})`, hint: `chmod 600 ${path}` };
  }
  if (!(key instanceof Error)) return { kind: 'private', key: openKey(key) };
  // ssh2 tells an encrypted key by this text only.
  if (/no passphrase given/.test(key.message)) return { kind: 'locked', publicKey };
  return {
    kind: 'bad',
    reason: `it is not a usable private key (${key.message})`,
    hint: `try: ssh-keygen -yf ${path}`,
  };
}

/** As `ssh` asks. */
const PASSPHRASE_TRIES = 3;

async function unlockKeyFile(path: string, ask: AskPassphrase | undefined): Promise<Unlocked> {
  try {
    for (let tries = 0; tries < PASSPHRASE_TRIES; tries++) {
      const passphrase = await ask?.(path);
      if (passphrase === undefined || passphrase === '')
        return { reason: 'it is encrypted and no passphrase was given' };
      const key = parse(readRegular(path).data, passphrase);
      if (!(key instanceof Error)) return { key: openKey(key) };
    }
    return { reason: 'the passphrase does not open it' };
  } catch (cause) {
    return { reason: cause instanceof Error ? cause.message : String(cause) };
  }
}

function parse(data: Buffer, passphrase?: string): ParsedKey | Error {
  try {
    const parsed: ParsedKey | Error | (ParsedKey | Error)[] = ssh2.utils.parseKey(data, passphrase);
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    return key ?? new Error('no key in it');
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}

/** The public key that OpenSSH's own private format carries in the clear, encrypted or not. */
function publicHalf(data: Buffer): Buffer | undefined {
  const base64 = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(data.toString('latin1'))?.[1];
  if (base64 === undefined) return undefined;
  const body = Buffer.from(base64, 'base64');
  let offset = 'openssh-key-v1\0'.length;
  const readString = (): Buffer => {
    const end = offset + 4 + body.readUInt32BE(offset);
    const value = body.subarray(offset + 4, end);
    offset = end;
    return value;
  };
  try {
    for (const _ of ['cipher', 'kdf', 'kdf options']) readString();
    offset += 4; // number of keys, always 1
    return readString();
  } catch {
    return undefined;
  }
}

/** The first word of a public key file. */
function publicTextType(data: Buffer): string | undefined {
  return /^[\w.@-]+(?= AAAA)/.exec(data.toString('latin1'))?.[0];
}
