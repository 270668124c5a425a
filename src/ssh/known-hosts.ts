/** The known_hosts format of sshd(8), parsed and matched. Pure: text in, entries and verdicts out. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** One usable line of a known_hosts file. */
export interface KnownHostsEntry {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** `@cert-authority` lines are parsed but never vouch for a key: ssh2 cannot be shown host certificates. */
  readonly marker: 'revoked' | 'cert-authority' | null;
  /** The first field as written: `|1|salt|hash`, or patterns divided by commas. */
  readonly names: string;
  /** Key type as written, e.g. `ssh-ed25519`. */
  readonly type: string;
  /** The key as it is on the wire. */
  readonly key: Buffer;
}

/** A line that could not be read; OpenSSH skips such lines too. */
export interface KnownHostsProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface KnownHosts {
  readonly entries: readonly KnownHostsEntry[];
  readonly problems: readonly KnownHostsProblem[];
}

/** What the files say about a key that a host presented. Only `known` may be trusted. */
export type HostKeyVerdict =
  | { readonly kind: 'known' }
  /** No line names this host. */
  | { readonly kind: 'unknown' }
  /** Lines name this host, with other keys; `clash` prefers the line with a key of the same type. */
  | { readonly kind: 'changed'; readonly clash: KnownHostsEntry }
  | { readonly kind: 'revoked'; readonly by: KnownHostsEntry };

/** A host key as a person compares it. */
export interface ShownKey {
  /** Such as `ssh-ed25519`; undefined when the bytes were no key. */
  readonly type: string | undefined;
  /** `SHA256:…`. */
  readonly fingerprint: string;
}

/** Reads one file's text. Never throws: lines that make no sense come back as problems. */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  const entries: KnownHostsEntry[] = [];
  const problems: KnownHostsProblem[] = [];
  text.split('\n').forEach((raw, index) => {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) return;
    const parsed = parseLine(content);
    if (typeof parsed === 'string') problems.push({ file, line: index + 1, message: parsed });
    else entries.push({ file, line: index + 1, ...parsed });
  });
  return { entries, problems };
}

function parseLine(content: string): Omit<KnownHostsEntry, 'file' | 'line'> | string {
  const fields = content.split(/[ \t]+/);
  const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
  if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') return `unknown marker ${marker}`;
  const [names, type, base64] = fields;
  if (names === undefined || type === undefined || base64 === undefined) return 'not "names type key"';
  const key = Buffer.from(base64, 'base64');
  if (keyType(key) !== type) return `the key is not a valid ${type} key`;
  const bareMarker = marker === '@revoked' ? 'revoked' : marker === '@cert-authority' ? 'cert-authority' : null;
  return { marker: bareMarker, names, type, key };
}

/** The type that a key on the wire states, e.g. `ssh-rsa`; undefined when the bytes are no key. */
export function keyType(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  return length > 0 && length <= key.length - 4 ? key.toString('latin1', 4, 4 + length) : undefined;
}

/** `SHA256:…` as every OpenSSH tool shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

export const showKey = (key: Buffer): ShownKey => ({ type: keyType(key), fingerprint: fingerprint(key) });

/** The name under which OpenSSH stores a host: in lower case, with the port unless it is 22. */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Whether a line's first field stands for this name (as made by knownHostsName). */
export function matchesName(names: string, name: string): boolean {
  if (names.startsWith('|')) return matchesHash(names, name);
  let matched = false;
  for (const pattern of names.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(pattern.slice(1), name)) return false;
    } else if (matchesPattern(pattern, name)) matched = true;
  }
  return matched;
}

function matchesHash(names: string, name: string): boolean {
  const [, version, salt, hash] = names.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = hashOf(name, Buffer.from(salt, 'base64'));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** `|1|salt|hash`, the form that hides the name. */
export function hashedName(name: string, salt: Buffer): string {
  return `|1|${salt.toString('base64')}|${hashOf(name, salt).toString('base64')}`;
}

function hashOf(name: string, salt: Buffer): Buffer {
  return createHmac('sha1', salt).update(name).digest();
}

/** Shell-like pattern with `*` and `?` only; brackets are literal, they belong to `[host]:port`. */
function matchesPattern(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  const source = pattern.replace(/\*+/g, '*').replace(/[\\^$+.()|[\]{}]/g, '\\$&');
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(name);
}

/** Judges a presented key. Fails closed: a host that is known by any key and shows another one is `changed`, of whatever type. */
export function judgeHostKey(
  entries: readonly KnownHostsEntry[],
  host: string,
  port: number,
  key: Buffer,
): HostKeyVerdict {
  const named = entriesOf(entries, knownHostsName(host, port));
  // OpenSSH also takes a line without the port for a host on another port, but only to accept its key, never to call it changed.
  const portless = entriesOf(entries, knownHostsName(host, 22));
  const either = [...named, ...portless];
  const revokedBy = either.find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
  if (revokedBy !== undefined) return { kind: 'revoked', by: revokedBy };
  if (either.some((entry) => entry.marker === null && entry.key.equals(key))) return { kind: 'known' };
  const others = named.filter((entry) => entry.marker === null);
  const clash = others.find((entry) => entry.type === keyType(key)) ?? others[0];
  return clash === undefined ? { kind: 'unknown' } : { kind: 'changed', clash };
}

function entriesOf(entries: readonly KnownHostsEntry[], name: string): KnownHostsEntry[] {
  return entries.filter((entry) => matchesName(entry.names, name));
}

/** Best first; SHA-1 signatures (`ssh-rsa`) and DSA are left out, as in OpenSSH. */
const ALGORITHMS_BY_TYPE = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
} as const;

/** A host key algorithm that may be offered. */
export type HostKeyAlgorithm = (typeof ALGORITHMS_BY_TYPE)[keyof typeof ALGORITHMS_BY_TYPE][number];

/**
 * The algorithms, those of the keys known for this host first: else a host known by RSA shows ED25519 and looks changed.
 * @param allowed HostKeyAlgorithms of ssh_config; default all that ssh2 has
 */
export function hostKeyAlgorithms(
  entries: readonly KnownHostsEntry[],
  host: string,
  port: number,
  allowed?: readonly string[],
): HostKeyAlgorithm[] {
  const typesOf = (name: string): Set<string> =>
    new Set(
      entriesOf(entries, name)
        .filter((entry) => entry.marker === null)
        .map((entry) => entry.type),
    );
  const exact = typesOf(knownHostsName(host, port));
  const known = exact.size > 0 ? exact : typesOf(knownHostsName(host, 22));
  const all = Object.entries(ALGORITHMS_BY_TYPE);
  const first = all.filter(([type]) => known.has(type));
  const rest = all.filter(([type]) => !known.has(type));
  const ordered = [...first, ...rest].flatMap(([, algorithms]) => [...algorithms]);
  return ordered.filter((algorithm) => allowed === undefined || allowed.includes(algorithm));
}
