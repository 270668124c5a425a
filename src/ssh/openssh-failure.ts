/** Why `ssh` did not get as far as it should: as the other transport would say it. What a host said only words an error of its own. */
import { VxfleetError } from '../errors.js';
import { bannerError, dialError, forwardError, incompatible, jumpError, lossError } from './connect-error.js';
import { hostKeyPlace, placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import { hostKeyError } from './host-key-check.js';
import type { KnownHostsStore } from './known-hosts-store.js';
import { judgeHostKey, showKey } from './known-hosts.js';
import { programOf } from './link.js';
import { loginRefused, SSHD_MAX_AUTH_TRIES } from './login.js';
import type { OpenSshProgress } from './openssh-progress.js';
import { inSeconds } from './timeouts.js';

/** ssh's words for the kernel's codes. */
const KERNEL_CODES: Readonly<Record<string, string>> = {
  'Connection refused': 'ECONNREFUSED',
  'No route to host': 'EHOSTUNREACH',
  'Network is unreachable': 'ENETUNREACH',
  'Connection timed out': 'ETIMEDOUT',
  'Operation timed out': 'ETIMEDOUT',
};

/** What `ssh` writes of the way when what comes before has ended. */
const WAY_ENDED = /^kex_exchange_identification: Connection closed|UNKNOWN port 65535/;

/** Keys of one login. */
export interface KeysToTry {
  /** Those that ssh had. */
  readonly labels: readonly string[];
  /** Those that it did not use, and why. */
  readonly notes: readonly string[];
}

/** What there is to explain a failure with. */
export interface Evidence {
  readonly progress: OpenSshProgress;
  /** Whether `progress` hears more than that a host has let us in. */
  readonly tellsKeys: boolean;
  readonly knownHostsOf: (target: EffectiveTarget) => KnownHostsStore;
  readonly keysOf: (target: EffectiveTarget) => Promise<KeysToTry>;
}

/** Of code connect, host-key, auth, protocol or usage; without a host where it is a jump host's. @param path the hosts on the way, and the target */
export async function explainFailure(
  host: string,
  path: readonly EffectiveTarget[],
  evidence: Evidence,
): Promise<VxfleetError> {
  const { level } = evidence.progress;
  const target = path[level] as EffectiveTarget;
  const isLast = level === path.length - 1;
  const name = isLast ? host : `jump host ${target.alias}`;
  const error = await explain(name, target, path[level - 1], evidence);
  return isLast ? error : jumpError(target, error, error.cause ?? null);
}

async function explain(
  host: string,
  target: EffectiveTarget,
  jump: EffectiveTarget | undefined,
  evidence: Evidence,
): Promise<VxfleetError> {
  const { progress } = evidence;
  const lines = progress.lines.filter((line) => !WAY_ENDED.test(line));
  const known =
    explainHostKey(host, target, lines, evidence) ??
    (await explainLogin(host, target, lines, evidence)) ??
    explainNegotiation(host, target, progress.lines);
  if (known !== undefined) return known;
  const early =
    progress.stage === 'started'
      ? (explainDial(host, target, lines) ?? explainConfig(host, lines) ?? explainWay(host, target, jump, lines))
      : undefined;
  return early ?? explainClosed(host, target, progress);
}

function explainHostKey(
  host: string,
  target: EffectiveTarget,
  lines: readonly string[],
  { progress, knownHostsOf }: Evidence,
): VxfleetError | undefined {
  if (!lines.some((line) => /^Host key verification failed|REVOKED HOST KEY DETECTED/.test(line))) return undefined;
  const store = knownHostsOf(target);
  const { key } = progress;
  const place = hostKeyPlace(target);
  const verdict = key === undefined ? undefined : judgeHostKey(store.entries(), place.host, place.port, key);
  if (key !== undefined && verdict !== undefined && verdict.kind !== 'known') {
    return hostKeyError(host, target, showKey(key), verdict, store.files);
  }
  const reason = lines.find((line) => /^(?:No .* host key is known|Host key for .* has changed|.* revoked)/.test(line));
  return new VxfleetError(
    'host-key',
    `ssh does not take the host key of ${placeOf(target)}: ${reason ?? lines.at(-1)}`,
    {
      host,
      hint: `see which one it shows: ${sshCommand(target, '-v')}; one that is new and verified is taken with --accept-new`,
    },
  );
}

/** A key may have been refused as soon as the host was trusted: then it is not asked again. */
async function explainLogin(
  host: string,
  target: EffectiveTarget,
  lines: readonly string[],
  { progress, tellsKeys, keysOf }: Evidence,
): Promise<VxfleetError | undefined> {
  const denied = lines.map((line) => /Permission denied \(([\w.@,-]*)\)/.exec(line)).find((match) => match !== null);
  const isOver = denied !== undefined || lines.some((line) => line.includes('Too many authentication failures'));
  // An older ssh does not say how far it was.
  const isUnclear = !tellsKeys && /^(?:Connection (?:closed|reset) by|Received disconnect from) /.test(lines[0] ?? '');
  if (!isOver && !isUnclear && progress.stage !== 'keyed') return undefined;
  const { labels, notes } = await keysOf(target);
  return loginRefused(host, target, {
    tried: labels,
    reason: denied === undefined ? (lines.at(-1) ?? 'the host closed the connection') : undefined,
    accepted: denied?.[1]?.split(','),
    notes: [...lines.filter((line) => /^(?:Load key|sign_and_send|agent|Certificate)/i.test(line)), ...notes],
    isHalfWay: denied?.[1] !== undefined && !denied[1].includes('publickey') && 'perhaps',
    hasMany: labels.length >= SSHD_MAX_AUTH_TRIES,
  });
}

function explainNegotiation(host: string, target: EffectiveTarget, lines: readonly string[]): VxfleetError | undefined {
  const reason = lines
    .map(
      (line) =>
        /^Unable to negotiate with \S+ port \d+: (.*)$/.exec(line) ??
        /(?:kex_exchange_identification|banner exchange): (banner line .*|.*invalid characters.*)$/.exec(line) ??
        /^(Bad remote protocol version identification.*)$/.exec(line),
    )
    .find((match) => match !== null)?.[1];
  if (reason === undefined) return undefined;
  const hint = "is that port sshd's, and does it allow what this machine has? compare: ssh -Q kex, and there: sshd -T";
  return incompatible(host, target, reason, hint);
}

/** Of what ssh says first: nobody else has spoken then. */
function explainDial(host: string, target: EffectiveTarget, [first = '']: readonly string[]): VxfleetError | undefined {
  const unresolved = /^ssh: Could not resolve hostname \S+: (.*)$/.exec(first)?.[1];
  if (unresolved !== undefined) {
    const code = /temporary/i.test(unresolved) ? 'EAI_AGAIN' : 'ENOTFOUND';
    return dialError(host, target, Object.assign(new Error(unresolved), { code }));
  }
  const reason = /^ssh: connect to host \S+ port \d+: (.*)$/.exec(first)?.[1];
  if (reason === undefined) return undefined;
  const code = KERNEL_CODES[reason];
  const message = code === 'ETIMEDOUT' ? `no answer within ${inSeconds(target.connectTimeoutMs)}` : reason;
  return dialError(host, target, Object.assign(new Error(message), { code }));
}

function explainConfig(host: string, [first = '']: readonly string[]): VxfleetError | undefined {
  const refused = /^\S+(?:: | )line \d+: (.*)$|^command-line: (.*)$/.exec(first);
  if (refused === null) return undefined;
  return new VxfleetError('usage', `ssh does not take its settings: ${refused[1] ?? refused[2]}`, {
    host,
    hint: 'OpenSSH 8.4 or newer is needed (ssh -V); see also the settings: vxfleet inventory --ssh',
  });
}

/** What came between, before the host said anything. */
function explainWay(
  host: string,
  target: EffectiveTarget,
  jump: EffectiveTarget | undefined,
  lines: readonly string[],
): VxfleetError | undefined {
  const words = lines.findLast((line) => line !== 'stdio forwarding failed');
  if (jump !== undefined) {
    const reason = words === undefined ? `the connection to ${jump.alias} was lost` : words;
    const text = reason.replace(/^channel \d+: open failed: /, '').replace(/: ?$/, '');
    return forwardError(host, jump, target, {
      text,
      isProhibited: text.startsWith('administratively prohibited'),
      isTried: /^channel \d+: open failed: /.test(reason),
    });
  }
  const { route } = target;
  if (route.kind !== 'command') return undefined;
  const reason = `the ProxyCommand ${programOf(route.command)} ended${words === undefined ? '' : `: ${words}`}`;
  return lossError(host, target, { hasSpoken: false, isOfWay: true, reason });
}

function explainClosed(host: string, target: EffectiveTarget, { lines, stage }: OpenSshProgress): VxfleetError {
  if (lines.some((line) => /timed out during banner exchange/.test(line))) {
    return bannerError(host, target, target.connectTimeoutMs);
  }
  return lossError(host, target, { hasSpoken: stage !== 'started', isOfWay: false, reason: lines.at(-1) });
}
