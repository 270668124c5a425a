/** What a step of a change ends with when it fails, and what is said of it. */
import { toVxfleetError } from '../errors.js';
import type { Layer, TunnelFailure } from '../events.js';
import type { Reply } from '../host/frames.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import { RAW_SOCKET_HINT } from '../verify/judge-probe.js';

/** A step that was not done, with what is to be said of the tunnel. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly failure: TunnelFailure;
  /** The host program's word for why not; empty when it was not the host that refused. */
  readonly reason: string;

  constructor(failure: TunnelFailure, reason = '') {
    super(failure.message);
    this.failure = failure;
    this.reason = reason;
  }
}

/** Whatever was thrown, as the failure of a tunnel. */
export function failureOf(thrown: unknown, plan: TunnelPlan): TunnelFailure {
  if (thrown instanceof StepFailed) return thrown.failure;
  const { code, host, message, hint } = toVxfleetError(thrown);
  const end = host === undefined ? null : host === plan.spoke ? 'spoke' : 'hub';
  const layer: Layer | null = ['connect', 'host-key', 'auth', 'lost', 'timeout'].includes(code) ? 'ssh' : null;
  return { code, end, layer, message, hint: hint ?? null };
}

/** Throws interrupted. */
export function stopIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new StepFailed(INTERRUPTED);
}

const INTERRUPTED: TunnelFailure = {
  code: 'interrupted',
  end: null,
  layer: null,
  message: 'interrupted before the change was confirmed',
  hint: 'Run the command again.',
};

/** An end that would not begin. */
export function notPrepared(end: End, { reason, text }: Reply, plan: TunnelPlan): StepFailed {
  const layer = ['invalid', 'ping'].includes(reason) ? 'implementation' : 'file';
  const hint = `Nothing was touched. ${unpreparedHint(reason, plan)}`;
  return new StepFailed({ code: 'refused', end, layer, message: text, hint }, reason);
}

function unpreparedHint(reason: string, { spoke, interface: name }: TunnelPlan): string {
  switch (reason) {
    case 'busy':
      return 'One run at a time changes a tunnel. Wait for that one, then run the command again.';
    case 'changed':
      return 'Somebody else is at work on that host. Run the command again.';
    case 'invalid':
      return `\`vxfleet diff ${spoke}\` shows the candidate.`;
    case 'ping':
      return RAW_SOCKET_HINT;
    default:
      return `Look at: df /run /etc /var; ls /run/vxfleet/${name}.`;
  }
}

/** An end whose ifup failed. */
export function notTried(end: End, { text, values }: Reply, { spoke }: TunnelPlan): StepFailed {
  const message = [text, lastLines(values.get('output') ?? '')].filter((part) => part !== '').join(': ');
  return new StepFailed({
    code: 'host',
    end,
    layer: 'link',
    message,
    hint: `\`vxfleet diff ${spoke}\` shows the candidate.`,
  });
}

/** ifup's own words are at the end of its output. */
const lastLines = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-3)
    .join('; ');

/** A change that would have cut its host off. */
export function unreachable(end: End, host: string, why: string): StepFailed {
  return new StepFailed({
    code: 'connect',
    end,
    layer: 'ssh',
    message: `SSH to ${host} may run through the tunnel, and no new connection can be made: ${why}`,
    hint: 'The change would have cut this host off. With ssh.host set to its IPv4 address the tunnel is not its way.',
  });
}

/** An end that would not promise or confirm. */
export function notDecided(end: End, { text, reason }: Reply): StepFailed {
  const isDisk = ['full', 'store', 'pending'].includes(reason);
  const hint = isDisk
    ? `On the ${end}: df /etc /var/lib /run; are they writable?`
    : 'Run the command again; with a larger --window if the proof took long.';
  return new StepFailed({ code: 'host', end, layer: isDisk ? 'file' : null, message: text, hint }, reason);
}

/** The kernel that a finding was about is gone with the candidate; what can still be looked at is the candidate. */
export function afterRevert(failure: TunnelFailure, spoke: string): TunnelFailure {
  const isAboutKernel = ['link', 'params', 'addresses', 'routes', 'policy', 'filter'].includes(failure.layer ?? '');
  if (failure.code !== 'verify' || !isAboutKernel) return failure;
  return { ...failure, hint: `The candidate was put back; \`vxfleet diff ${spoke}\` shows it.` };
}

/** Of ends of which it is not known that they are back, or that both have gone forward. @param troubles a sentence each */
export function unprovenFailure(
  failure: TunnelFailure,
  troubles: readonly string[],
  isDecided: boolean,
  spoke: string,
): TunnelFailure {
  const rest = [...new Set(troubles)].filter((trouble) => trouble !== failure.message).join('; ');
  const then = `Then: vxfleet diff ${spoke}; vxfleet deploy ${spoke}.`;
  return {
    ...failure,
    message: `${failure.message}; and ${isDecided ? 'the other end is not proven to follow' : 'the way back is not proven'}: ${rest}`,
    hint: isDecided
      ? `${failure.hint ?? ''} The tunnel is decided: it goes forward, not back. ${then}`.trim()
      : `Each host takes an open trial back alone within the window. ${then}`,
  };
}
