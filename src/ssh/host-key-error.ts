/** What a person is told about a host key that is not trusted. Pure. */
import { VxfleetError } from '../errors.js';
import { hostKeyPlace, placeOf, type EffectiveTarget } from './effective-target.js';
import {
  fingerprint,
  knownHostsName,
  type HostKeyVerdict,
  type KnownHostsEntry,
  type ShownKey,
} from './known-hosts.js';
import { shellQuote } from './shell-quote.js';

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

export const describeKey = ({ type, fingerprint: shown }: ShownKey): string => `${keyTypeName(type)} key ${shown}`;

/** The short name that OpenSSH shows: ED25519, ECDSA, RSA. */
export function keyTypeName(type: string | undefined): string {
  if (type === 'ssh-ed25519') return 'ED25519';
  if (type === 'ssh-rsa') return 'RSA';
  if (type?.startsWith('ecdsa-sha2-')) return 'ECDSA';
  return type ?? 'unknown';
}
