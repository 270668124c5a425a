/** Why `ssh` did not get as far as it should, from what it wrote: as the other transport would say it. */
import { VxfleetError } from '../errors.js';
import { bannerError } from './await-banner.js';
import { dialError } from './dial.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import { hostKeyError } from './host-key-error.js';
import { inSeconds } from './in-seconds.js';
import { fingerprint, type HostKeyVerdict } from './known-hosts.js';
import type { KnownHostsStore } from './known-hosts-store.js';
import { loginRefused, SSHD_MAX_AUTH_TRIES } from './login.js';
import type { OpenSshLog } from './openssh-log.js';
import { programOf } from './proxy-command.js';

/** ssh's words for the kernel's codes. */
const KERNEL_CODES: Readonly<Record<string, string>> = {
  'Connection refused': 'ECONNREFUSED',
  'No route to host': 'EHOSTUNREACH',
  'Network is unreachable': 'ENETUNREACH',
  'Connection timed out': 'ETIMEDOUT',
  'Operation timed out': 'ETIMEDOUT',
};

/** What there is to explain a failure with. */
export interface Evidence {
  readonly log: OpenSshLog;
  /** The last words of a ProxyCommand. */
  readonly stderr: string;
  /** What ssh was to trust. */
  readonly knownHosts: KnownHostsStore;
  /** The master's log, where the host is behind a jump host. */
  readonly master: OpenSshLog | undefined;
  /** Keys that it did not use, and why. */
  readonly notes: readonly string[];
}

/** Of code connect, host-key, auth, protocol or usage. */
export function explainFailure(host: string, target: EffectiveTarget, evidence: Evidence): VxfleetError {
  const { log, knownHosts } = evidence;
  return (
    explainHostKey(host, target, log, knownHosts) ??
    explainNegotiation(host, target, log) ??
    explainDial(host, target, log) ??
    explainConfig(host, log) ??
    explainWay(host, target, evidence) ??
    explainByStage(host, target, evidence)
  );
}

function explainHostKey(
  host: string,
  target: EffectiveTarget,
  log: OpenSshLog,
  knownHosts: KnownHostsStore,
): VxfleetError | undefined {
  if (log.find(/^Host key verification failed|REVOKED HOST KEY DETECTED/) === undefined) return undefined;
  const key = log.hostKey ?? { type: undefined, fingerprint: 'that ssh did not name' };
  return hostKeyError(host, target, key, verdictOf(log, knownHosts), knownHosts.files);
}

/** ssh names the line that it holds against a key, but not the one that revokes it. */
function verdictOf(log: OpenSshLog, knownHosts: KnownHostsStore): Exclude<HostKeyVerdict, { kind: 'known' }> {
  const revoking = knownHosts
    .entries()
    .find(({ marker, key }) => marker === 'revoked' && fingerprint(key) === log.hostKey?.fingerprint);
  if (log.find(/REVOKED HOST KEY DETECTED/) !== undefined && revoking !== undefined) {
    return { kind: 'revoked', by: revoking };
  }
  const [, file, line] = log.find(/^Offending .*key in (.*):(\d+)$/) ?? [];
  const entry = knownHosts.entries().find((it) => it.file === file && it.line === Number(line));
  return entry === undefined ? { kind: 'unknown' } : { kind: 'changed', clash: entry };
}

function explainNegotiation(host: string, target: EffectiveTarget, log: OpenSshLog): VxfleetError | undefined {
  const reason =
    log.find(/^Unable to negotiate with \S+ port \d+: (.*)$/)?.[1] ??
    log.find(/(?:kex_exchange_identification|banner exchange): (banner line .*|.*invalid characters.*)$/)?.[1] ??
    log.find(/^(Bad remote protocol version identification.*)$/)?.[1];
  if (reason === undefined) return undefined;
  return new VxfleetError('protocol', `${placeOf(target)} cannot be talked to: ${reason}`, {
    host,
    hint: `is that port sshd's, and does it allow what this machine has? compare: ssh -Q kex, and there: sshd -T`,
  });
}

function explainDial(host: string, target: EffectiveTarget, log: OpenSshLog): VxfleetError | undefined {
  const unresolved = log.find(/^ssh: Could not resolve hostname \S+: (.*)$/)?.[1];
  if (unresolved !== undefined) {
    const code = /temporary/i.test(unresolved) ? 'EAI_AGAIN' : 'ENOTFOUND';
    return dialError(host, target, Object.assign(new Error(unresolved), { code }));
  }
  const reason = log.find(/^ssh: connect to host \S+ port \d+: (.*)$/)?.[1];
  if (reason === undefined || log.hasReached('connected')) return undefined;
  const code = KERNEL_CODES[reason];
  const message = code === 'ETIMEDOUT' ? `no answer within ${inSeconds(target.connectTimeoutMs)}` : reason;
  return dialError(host, target, Object.assign(new Error(message), { code }));
}

function explainConfig(host: string, log: OpenSshLog): VxfleetError | undefined {
  const refused = log.find(/: line \d+: (.*)$|^command-line: (.*)$/) ?? log.find(/terminating, \d+ bad configuration/);
  if (log.hasReached('dialling') || refused === undefined) return undefined;
  return new VxfleetError('usage', `ssh does not take its settings: ${refused[1] ?? refused[0]}`, {
    host,
    hint: 'OpenSSH 7.6 or newer is needed (ssh -V); see also the settings: vxfleet inventory --ssh',
  });
}

/** What came between, before the host said anything. */
function explainWay(
  host: string,
  target: EffectiveTarget,
  { log, stderr, master }: Evidence,
): VxfleetError | undefined {
  const { route } = target;
  if (log.hasReached('spoken') || route.kind === 'direct') return undefined;
  const words = stderr.trim().split('\n').at(-1)?.trim() ?? '';
  if (route.kind === 'command') {
    const end = `the ProxyCommand ${programOf(route.command)} ended${words === '' ? '' : `: ${words}`}`;
    return new VxfleetError('connect', `${placeOf(target)} was lost before it said anything (${end})`, {
      host,
      hint: `look at its ProxyCommand in your ssh_config; try: ${sshCommand(target, '-v')}`,
    });
  }
  const { alias } = route.through;
  const where = `${placeOf(target)} through ${alias}`;
  const reason = master?.refusedWays.get(`${target.host}:${target.port}`);
  if (reason?.startsWith('administratively prohibited') === true) {
    return new VxfleetError('protocol', `cannot connect to ${where}: ${alias} forwards nothing: ${reason}`, {
      host,
      hint: 'see AllowTcpForwarding and PermitOpen of its sshd',
    });
  }
  const why = reason ?? (words === '' ? `the connection to ${alias} was lost` : words);
  return new VxfleetError('connect', `cannot connect to ${where}: ${why}`, {
    host,
    hint: `is the host up, and can ${alias} reach it? try there: nc -zv ${target.host} ${target.port}`,
  });
}

function explainByStage(host: string, target: EffectiveTarget, { log, notes }: Evidence): VxfleetError {
  const where = placeOf(target);
  const said = log.messages.at(-1);
  if (log.hasReached('logged in')) return explainStart(host, target, said);
  const denied = log.find(/Permission denied|Too many authentication failures|No supported authentication/);
  if (denied !== undefined || log.offered.length > 0) {
    const isPlain = denied?.[0] === 'Permission denied';
    return loginRefused(host, target, {
      tried: log.offered,
      reason: isPlain ? undefined : said,
      accepted: log.accepted,
      notes: [
        ...log.messages.filter((message) => /^(Load key|sign_and_send|agent|Certificate)/i.test(message)),
        ...notes,
      ],
      isHalfWay: log.find(/^Authenticated .*with partial success/) !== undefined,
      hasMany: log.offered.length >= SSHD_MAX_AUTH_TRIES,
    });
  }
  if (log.find(/timed out during banner exchange/) !== undefined) {
    return bannerError(host, target, target.connectTimeoutMs);
  }
  const stage = log.hasReached('spoken') ? 'during the SSH handshake' : 'before it said anything';
  return new VxfleetError(
    'connect',
    `${where} closed the connection ${stage}${said === undefined ? '' : ` (${said})`}`,
    {
      host,
      hint: "sshd may be busy (MaxStartups) or hold back this address (PerSourcePenalties): see the host's sshd log",
    },
  );
}

function explainStart(host: string, target: EffectiveTarget, said: string | undefined): VxfleetError {
  const hint = `look at sshd's MaxSessions and ForceCommand and at the account's shell; try: ${sshCommand(target)}`;
  const isRefused = /request failed|open failed/.test(said ?? '');
  return isRefused
    ? new VxfleetError('protocol', `${placeOf(target)} let ${target.user} in but runs no command: ${said}`, {
        host,
        hint,
      })
    : new VxfleetError('connect', `${placeOf(target)} closed the connection right after the login`, { host, hint });
}
