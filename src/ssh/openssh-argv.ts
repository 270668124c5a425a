/** The words with which `ssh` is started for one host: with the person's ssh_config, and what vxfleet says beside it. Pure. */
import { VxfleetError } from '../errors.js';
import { pathTo, type EffectiveTarget } from './effective-target.js';
import { endingWithUs } from './local-machine.js';
import { shellQuote } from './shell-quote.js';
import type { OpenSshProgram } from './ssh-config.js';

export interface ArgvContext extends OpenSshProgram {
  /** A word that no host knows: what `ssh` tells us begins with it. */
  readonly nonce: string;
  /** For each host on the way: where ssh writes a key that it takes for new; undefined = it takes none. */
  readonly newKeysPaths: readonly (string | undefined)[];
}

/** Who talks to whom is vxfleet's to say: nothing is forwarded, shared or asked by the way, and no process stays behind. */
const ALWAYS = [
  'BatchMode=yes',
  'LogLevel=INFO',
  'ControlMaster=no',
  'ControlPath=none',
  'ControlPersist=no',
  'RequestTTY=no',
  'RemoteCommand=none',
  'EscapeChar=none',
  'ClearAllForwardings=yes',
  'Tunnel=no',
  'ForwardAgent=no',
  'ForwardX11=no',
  'AddKeysToAgent=no',
  'VisualHostKey=no',
  'PasswordAuthentication=no',
  'KbdInteractiveAuthentication=no',
  'ConnectionAttempts=1',
  'CheckHostIP=no',
  'VerifyHostKeyDNS=no',
  // It would write keys into known_hosts that nobody has accepted.
  'UpdateHostKeys=no',
  'PermitLocalCommand=yes',
] as const;

/** OpenSSH 8.7 and newer. */
const SINCE_8_7 = ['SessionType=default', 'StdinNull=no', 'ForkAfterAuthentication=no'] as const;

/** Runs a command on the target; undefined = only logs in. Throws `usage` for a setting with a line break. */
export function opensshArgv(target: EffectiveTarget, command: string | undefined, context: ArgvContext): string[] {
  const path = pathTo(target);
  const [program, ...words] = wordsFor(path, path.length - 1, context);
  // Before SessionType: the first one counts.
  const session = command === undefined ? '-N' : '-T';
  return [program, session, ...words, '--', target.alias, ...(command === undefined ? [] : [command])];
}

function wordsFor(path: readonly EffectiveTarget[], level: number, context: ArgvContext): [string, ...string[]] {
  const target = path[level] as EffectiveTarget;
  const options = [
    ...ALWAYS,
    ...(context.tellsKeys ? SINCE_8_7 : []),
    ...tellings(level, context),
    ...settingsOf(target, context.newKeysPaths[level]),
    `ProxyCommand=${oneLine(proxyCommand(path, level, context).replaceAll('%', '%%'))}`,
    `ConnectTimeout=${connectSeconds(path.slice(0, level + 1))}`,
  ];
  const { user, port, origins } = target;
  return [
    context.program,
    ...['-F', context.configPath],
    ...options.flatMap((option) => ['-o', option]),
    ...(origins.user === 'ssh_config' ? [] : ['-l', user]),
    ...(origins.port === 'ssh_config' ? [] : ['-p', String(port)]),
  ];
}

/** What ssh tells us by commands of ours that it runs: the key that a host shows, and that the host has let us in. */
function tellings(level: number, { nonce, tellsKeys }: ArgvContext): string[] {
  const keys = `KnownHostsCommand=/bin/sh -c 'echo "$@" >&2' sh ${nonce} ${level} %I %t %K`;
  return [...(tellsKeys ? [keys] : []), `LocalCommand=/bin/sh -c 'echo ${nonce} ${level} IN >&2'`];
}

function settingsOf(target: EffectiveTarget, newKeysPath: string | undefined): string[] {
  const { identityFiles, certificateFiles, userKnownHostsFiles, agentSocket } = target;
  const knownHosts = newKeysPath === undefined ? userKnownHostsFiles : [newKeysPath, ...userKnownHostsFiles];
  return [
    ...(identityFiles.length === 0 ? ['IdentityFile=none'] : identityFiles.map((path) => `IdentityFile=${word(path)}`)),
    ...certificateFiles.map((path) => `CertificateFile=${word(path)}`),
    ...(target.identitiesOnly ? ['IdentitiesOnly=yes'] : []),
    `IdentityAgent=${agentSocket === undefined ? 'none' : word(agentSocket)}`,
    `UserKnownHostsFile=${knownHosts.map(word).join(' ') || '/dev/null'}`,
    `StrictHostKeyChecking=${newKeysPath === undefined ? 'yes' : 'accept-new'}`,
    `ServerAliveInterval=${seconds(target.keepaliveIntervalMs)}`,
    `ServerAliveCountMax=${target.keepaliveCountMax}`,
  ];
}

/** For a shell. Jump hosts as ssh itself does ProxyJump, each with its own settings. */
function proxyCommand(path: readonly EffectiveTarget[], level: number, context: ArgvContext): string {
  const [target, jump] = [path[level] as EffectiveTarget, path[level - 1]];
  if (jump !== undefined) {
    const words = wordsFor(path, level - 1, context);
    return shellQuote(endingWithUs([...words, '-W', `[${target.host}]:${target.port}`, '--', jump.alias]));
  }
  const { route } = target;
  if (route.kind !== 'command') return 'none';
  return shellQuote(endingWithUs([process.env['SHELL'] || '/bin/sh', '-c', `exec ${route.command}`]));
}

/** A jump host's login may take this long; OpenSshSession waits for each no longer than the person says. */
const LOGIN_SECONDS = 20;

/** Whoever is behind jump hosts waits for all of them. */
const connectSeconds = (path: readonly EffectiveTarget[]): number =>
  path.reduce((sum, { connectTimeoutMs }) => sum + seconds(connectTimeoutMs) + LOGIN_SECONDS, -LOGIN_SECONDS);

const seconds = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1000));

/** A value in which ssh expands tokens: one argument, with blanks and quotes as they are. */
function word(value: string): string {
  const text = oneLine(value).replaceAll('%', '%%');
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function oneLine(value: string): string {
  if (!/[\r\n\0]/.test(value)) return value;
  throw new VxfleetError('usage', `a setting of ssh has a line break in it: ${JSON.stringify(value)}`);
}
