/** The ssh_config with which `ssh` is started for one host: every setting that vxfleet knows, so that no other file has a say. Pure. */
import { isIP } from 'node:net';
import { VxfleetError } from '../errors.js';
import type { EffectiveTarget } from './effective-target.js';

export interface ConfigTextOptions {
  /** How the bytes get there, for a shell; undefined = by TCP. */
  readonly proxyCommand: string | undefined;
  /** Where ssh writes a new key, before the user's own files: which of those it goes to, and how, is for us to do. */
  readonly newKeysFile: string;
}

/** The same for every host. Who talks to whom is vxfleet's to say: nothing is forwarded, shared, asked or run by the way. */
const ALWAYS = [
  'BatchMode yes',
  'LogLevel DEBUG2',
  'ControlMaster no',
  'ControlPath none',
  'RequestTTY no',
  'EscapeChar none',
  'ClearAllForwardings yes',
  'ForwardAgent no',
  'ForwardX11 no',
  'PermitLocalCommand no',
  'PasswordAuthentication no',
  'KbdInteractiveAuthentication no',
  'ConnectionAttempts 1',
  'HashKnownHosts no',
  'CheckHostIP no',
  'VerifyHostKeyDNS no',
  // It would write keys into known_hosts that nobody has accepted.
  'UpdateHostKeys no',
  'CanonicalizeHostname no',
] as const;

export function opensshConfigText(target: EffectiveTarget, { proxyCommand, newKeysFile }: ConfigTextOptions): string {
  const { strictHostKeyChecking: strictness, hostKeyAlias, hostKeyAlgorithms } = target;
  const lines = [
    ...ALWAYS,
    // An address may hold a %, before its interface; ssh takes it as it is.
    `HostName ${isIP(target.host) === 0 ? word(target.host) : target.host}`,
    `Port ${target.port}`,
    `User ${literal(target.user)}`,
    `ProxyCommand ${proxyCommand === undefined ? 'none' : oneLine(proxyCommand.replaceAll('%', '%%'))}`,
    ...(hostKeyAlias === undefined ? [] : [`HostKeyAlias ${literal(hostKeyAlias)}`]),
    ...(target.identityFiles.length === 0 ? ['IdentityFile none'] : []),
    ...target.identityFiles.map((path) => `IdentityFile ${word(path)}`),
    ...target.certificateFiles.map((path) => `CertificateFile ${word(path)}`),
    `IdentitiesOnly ${target.identitiesOnly ? 'yes' : 'no'}`,
    `IdentityAgent ${target.agentSocket === undefined ? 'none' : word(target.agentSocket)}`,
    `UserKnownHostsFile ${files([newKeysFile, ...target.userKnownHostsFiles])}`,
    `GlobalKnownHostsFile ${files(target.globalKnownHostsFiles)}`,
    `StrictHostKeyChecking ${strictness === 'accept-new' || strictness === 'no' ? 'accept-new' : 'yes'}`,
    ...(hostKeyAlgorithms === undefined ? [] : [`HostKeyAlgorithms ${literal(hostKeyAlgorithms.join(','))}`]),
    // Whole seconds are all it has.
    `ConnectTimeout ${seconds(target.connectTimeoutMs)}`,
    `ServerAliveInterval ${seconds(target.keepaliveIntervalMs)}`,
    `ServerAliveCountMax ${target.keepaliveCountMax}`,
    ...target.opensshLines.map(oneLine),
  ];
  return `${lines.join('\n')}\n`;
}

const seconds = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1000));

/** No `none` for the global ones before OpenSSH 8.5. */
const files = (paths: readonly string[]): string => paths.map(word).join(' ') || '/dev/null';

/** A value in which ssh expands tokens. */
const word = (value: string): string => literal(value.replaceAll('%', '%%'));

/** One argument, with blanks and quotes as they are. */
function literal(value: string): string {
  const text = oneLine(value);
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function oneLine(value: string): string {
  if (!/[\r\n\0]/.test(value)) return value;
  throw new VxfleetError('usage', `a setting of ssh has a line break in it: ${JSON.stringify(value)}`);
}
