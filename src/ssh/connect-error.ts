/** What a person is told of a connection that did not come about, whichever transport it was for. Pure. */
import { VxfleetError } from '../errors.js';
import { nearName } from '../inventory/near-name.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import { shellQuote } from './shell-quote.js';
import { inSeconds, silence } from './timeouts.js';

/** Of a host that cannot be connected to, by the kernel's code for it. */
export function dialError(host: string, target: EffectiveTarget, thrown: NodeJS.ErrnoException): VxfleetError {
  // With several addresses for one name, node collects one error for each.
  const cause: NodeJS.ErrnoException =
    thrown instanceof AggregateError && thrown.errors[0] instanceof Error ? thrown.errors[0] : thrown;
  const [reason, hint] = explainDial(target, cause);
  return new VxfleetError('connect', `cannot connect to ${placeOf(target)}: ${reason}`, {
    host,
    hint,
    cause,
    isUnanswered: true,
  });
}

function explainDial(
  target: EffectiveTarget,
  { code, message }: NodeJS.ErrnoException,
): [reason: string, hint: string] {
  const { host, port } = target;
  const tryIt = `try: ${sshCommand(target)}`;
  const route = `is the host up and ssh.host right? see: ${shellQuote(['ip', 'route', 'get', host])}`;
  const name = `check ssh.host: ${shellQuote(['getent', 'hosts', host])}`;
  switch (code) {
    case 'ECONNREFUSED':
      return ['connection refused', `is sshd running there, and is ssh.port ${port} right? ${tryIt}`];
    case 'EHOSTUNREACH':
      return ['no route to host', route];
    case 'ENETUNREACH':
      return ['network unreachable', route];
    case 'ETIMEDOUT': {
      const reason = message.startsWith('connect ') ? 'no answer' : message;
      return [reason, `is the host up, and does a firewall drop port ${port}? ${tryIt}`];
    }
    case 'EAI_AGAIN':
      return ['the name server does not answer', name];
    case 'ENOTFOUND':
    case 'EAI_NONAME':
      return ['the name does not exist', name];
    default:
      return [message, tryIt];
  }
}

/** Of a host that has taken the connection and stays silent. */
export function bannerError(host: string, target: EffectiveTarget, timeoutMs: number): VxfleetError {
  const reason = `sent no SSH banner within ${inSeconds(timeoutMs)}`;
  return new VxfleetError('connect', `${placeOf(target)} took the connection but ${reason}`, {
    host,
    hint: `is that port sshd's, and is the host alive? try: ${sshCommand(target, '-v')}; a slow one may have more time: --connect-timeout ${Math.ceil((3 * timeoutMs) / 1000)}`,
    cause: silence(reason),
  });
}

/** Of a host that has spoken and then takes too long. */
export function handshakeTimeout(host: string, target: EffectiveTarget, timeoutMs: number): VxfleetError {
  const reason = `did not finish the SSH handshake within ${inSeconds(timeoutMs)}`;
  return new VxfleetError('connect', `${placeOf(target)} ${reason}`, {
    host,
    hint: `is the host overloaded? try: ${sshCommand(target, '-v')}`,
    cause: silence(reason),
  });
}

export interface Loss {
  /** The host has sent its banner. */
  readonly hasSpoken: boolean;
  /** It was the way there that ended. */
  readonly isOfWay: boolean;
  readonly reason: string | undefined;
  readonly cause?: unknown;
}

/** Of a connection that ended before a key was offered. */
export function lossError(host: string, target: EffectiveTarget, loss: Loss): VxfleetError {
  const stage = loss.hasSpoken ? 'during the SSH handshake' : 'before it said anything';
  const reason = loss.reason === undefined ? '' : ` (${loss.reason})`;
  const ended = loss.isOfWay ? 'was lost' : 'closed the connection';
  const hint =
    target.route.kind === 'command'
      ? `look at its ProxyCommand in your ssh_config; try: ${sshCommand(target, '-v')}`
      : "sshd may be busy (MaxStartups) or hold back this address (PerSourcePenalties): see the host's sshd log";
  return new VxfleetError('connect', `${placeOf(target)} ${ended} ${stage}${reason}`, {
    host,
    hint,
    cause: loss.cause,
  });
}

/** Of a host that speaks something else. @param hint what it needs to allow */
export const incompatible = (
  host: string,
  target: EffectiveTarget,
  reason: string,
  hint: string,
  cause?: unknown,
): VxfleetError =>
  new VxfleetError('protocol', `${placeOf(target)} cannot be talked to: ${reason}`, { host, hint, cause });

/** What a jump host says of a way that it does not open. */
interface Refusal {
  readonly text: string;
  readonly isProhibited: boolean;
  /** The jump host has tried; else it was lost itself. */
  readonly isTried: boolean;
  readonly cause?: unknown;
}

export function forwardError(
  host: string,
  jump: EffectiveTarget,
  target: EffectiveTarget,
  { text, isProhibited, isTried, cause }: Refusal,
): VxfleetError {
  const where = `${placeOf(target)} through ${jump.alias}`;
  if (isProhibited) {
    const message = `cannot connect to ${where}: ${jump.alias} forwards nothing: ${text}`;
    const hint = `see AllowTcpForwarding and PermitOpen of the sshd on ${jump.alias}`;
    return new VxfleetError('protocol', message, { host, hint, cause });
  }
  const tryIt = shellQuote(['nc', '-zv', target.host, String(target.port)]);
  return new VxfleetError('connect', `cannot connect to ${where}: ${text}`, {
    host,
    isUnanswered: isTried,
    hint: `is the host up, and can ${jump.alias} reach it? try there: ${tryIt}`,
    cause,
  });
}

/** Without a host: it fails every host behind it, and is told once. @param cause default the error itself: it has been retried */
export function jumpError(jump: EffectiveTarget, error: VxfleetError, cause: unknown = error): VxfleetError {
  if (error.host === undefined) return error;
  return new VxfleetError(error.code, `the jump host ${jump.alias} cannot be passed: ${error.message}`, {
    hint: wayHint(jump, error),
    cause,
  });
}

/** What is said of a host's own name is, of a jump host's, about proxy_jump. */
function wayHint({ alias }: EffectiveTarget, { hint }: VxfleetError): string | undefined {
  if (hint?.startsWith('check ssh.host') !== true) return hint;
  const near = nearName(alias, ['hub']) === undefined ? '' : '; the hub is called hub: did you mean proxy_jump: hub?';
  return `${hint.replace('ssh.host', 'ssh.proxy_jump')}${near}`;
}
