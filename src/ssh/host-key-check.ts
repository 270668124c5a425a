/** One connection's check of the key that its host shows, and what a person is told of one that is not trusted. */
import { VxfleetError } from '../errors.js';
import { hostKeyPlace, placeOf, takesNewKeys, type EffectiveTarget } from './effective-target.js';
import type { KnownHostsStore } from './known-hosts-store.js';
import {
  fingerprint,
  hostKeyAlgorithms,
  judgeHostKey,
  knownHostsName,
  showKey,
  type HostKeyAlgorithm,
  type HostKeyVerdict,
  type KnownHostsEntry,
  type ShownKey,
} from './known-hosts.js';
import { shellQuote } from './shell-quote.js';

/** Who is told. */
export interface Listeners {
  /** Things a person should see: a newly accepted host key. */
  readonly onNotice: (message: string) => void;
  /** Details for `-v`. */
  readonly onTrace: (message: string) => void;
}

export class HostKeyCheck {
  /** Why the key was not trusted. */
  refusal: VxfleetError | undefined;
  readonly #host: string;
  readonly #target: EffectiveTarget;
  readonly #knownHosts: KnownHostsStore;
  readonly #listeners: Listeners;
  #newKey: Buffer | undefined;

  constructor(host: string, target: EffectiveTarget, knownHosts: KnownHostsStore, listeners: Listeners) {
    this.#host = host;
    this.#target = target;
    this.#knownHosts = knownHosts;
    this.#listeners = listeners;
  }

  /** What to ask the host for; empty when ssh_config leaves nothing that ssh2 has. Throws `host-key` when a file cannot be read. */
  algorithms(): HostKeyAlgorithm[] {
    const { host, port } = hostKeyPlace(this.#target);
    return hostKeyAlgorithms(this.#knownHosts.entriesOf(host, port), host, port, this.#target.hostKeyAlgorithms);
  }

  /** Fills `refusal` unless the key may be used. */
  isTrusted(key: Buffer): boolean {
    const verdict = this.#judge(key);
    if (verdict.kind === 'unknown' && takesNewKeys(this.#target)) this.#newKey = key;
    else if (verdict.kind !== 'known') {
      this.refusal = hostKeyError(this.#host, this.#target, showKey(key), verdict, this.#knownHosts.files);
      return false;
    }
    this.#listeners.onTrace(
      `${this.#host}: key: ${describeKey(showKey(key))} is ${verdict.kind === 'known' ? 'known' : 'new'}`,
    );
    return true;
  }

  /** To be called when the host has proven that it holds the key, before any login is offered. Throws `host-key`. */
  recordNewKey(): void {
    const key = this.#newKey;
    this.#newKey = undefined;
    if (key === undefined) return;
    // Another connection to the same host may have been first, with this key or another.
    const verdict = this.#judge(key);
    if (verdict.kind === 'known') return;
    if (verdict.kind !== 'unknown')
      throw hostKeyError(this.#host, this.#target, showKey(key), verdict, this.#knownHosts.files);
    const { host, port } = hostKeyPlace(this.#target);
    const file = this.#knownHosts.add(host, port, key);
    const where = placeOf(this.#target);
    this.#listeners.onNotice(
      file === undefined
        ? `${this.#host}: took the new host key of ${where} for this run only, there is no file to record it in: ${describeKey(showKey(key))}`
        : `${this.#host}: recorded the new host key of ${where} in ${file}: ${describeKey(showKey(key))}`,
    );
  }

  #judge(key: Buffer): ReturnType<typeof judgeHostKey> {
    const { host, port } = hostKeyPlace(this.#target);
    return judgeHostKey(this.#knownHosts.entriesOf(host, port), host, port, key);
  }
}

/** The refusal of a key: its fingerprint, the line it clashes with, and the command that accepts it once it is verified. */
export function hostKeyError(
  host: string,
  target: EffectiveTarget,
  key: ShownKey,
  verdict: Exclude<HostKeyVerdict, { kind: 'known' }>,
  files: readonly string[],
): VxfleetError {
  const alias = target.hostKeyAlias === undefined ? '' : ` (HostKeyAlias ${target.hostKeyAlias})`;
  const where = `${placeOf(target)}${alias}`;
  const shown = describeKey(key);
  switch (verdict.kind) {
    case 'unknown':
      return new VxfleetError(
        'host-key',
        `the host key of ${where} is not known: it shows ${shown}, and no line of ${files.join(' or ') || 'any file'} names it`,
        { host, hint: `${verifyHint(key)}\nif they are equal, run the same command with --accept-new` },
      );
    case 'changed':
      return new VxfleetError(
        'host-key',
        `the host key of ${where} is not the known one: it shows ${shown}, but ${describe(verdict.clash)}`,
        {
          host,
          hint: [
            'either the host was installed anew, or someone stands between you and it',
            verifyHint(key),
            `if they are equal, drop the old key: ${shellQuote(removeCommand(target, verdict.clash))}`,
            'then run the same command with --accept-new',
          ].join('\n'),
        },
      );
    case 'revoked':
      return new VxfleetError(
        'host-key',
        `the host key of ${where} is revoked: it shows ${shown}, which ${verdict.by.file}:${verdict.by.line} marks @revoked`,
        {
          host,
          hint: 'whoever holds this key may not be the host: give the host a new key (ssh-keygen -A after removing the old)',
        },
      );
  }
}

function describe(entry: KnownHostsEntry): string {
  return `${entry.file}:${entry.line} has ${keyTypeName(entry.type)} key ${fingerprint(entry.key)}`;
}

function removeCommand(target: EffectiveTarget, clash: KnownHostsEntry): string[] {
  const { host, port } = hostKeyPlace(target);
  return ['ssh-keygen', '-R', knownHostsName(host, port), '-f', clash.file];
}

function verifyHint({ type }: ShownKey): string {
  const file = `/etc/ssh/ssh_host_${keyTypeName(type).toLowerCase()}_key.pub`;
  return `compare with the fingerprint on the host's own console: ssh-keygen -lf ${file}`;
}

const describeKey = ({ type, fingerprint: shown }: ShownKey): string => `${keyTypeName(type)} key ${shown}`;

/** The short name that OpenSSH shows: ED25519, ECDSA, RSA. */
export function keyTypeName(type: string | undefined): string {
  if (type === 'ssh-ed25519') return 'ED25519';
  if (type === 'ssh-rsa') return 'RSA';
  if (type?.startsWith('ecdsa-sha2-')) return 'ECDSA';
  return type ?? 'unknown';
}
