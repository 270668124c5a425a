/** What is said of a change that was not made, or was taken back. Pure. */
import type { PutBack, TunnelFailure } from '../events.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import { PING_HINT } from '../verify/ping-fault.js';
import type { Baseline } from './baseline.js';
import type { PrepareOutcome } from './tunnel-end.js';

export const INTERRUPTED: TunnelFailure = {
  code: 'interrupted',
  end: null,
  layer: null,
  message: 'interrupted before the change was confirmed',
  hint: 'Run the command again.',
};

/** Of an end that would not begin. */
export function unpreparedFailure(
  end: End,
  { reason, layer, message }: PrepareOutcome,
  plan: TunnelPlan,
): TunnelFailure {
  const hint = `Nothing was touched. ${unpreparedHint(reason, plan)}`;
  return { code: 'refused', end, layer, message, hint };
}

/** What to do when a host would not begin. @param reason the host program's word */
function unpreparedHint(reason: string, { spoke, interface: name }: TunnelPlan): string {
  switch (reason) {
    case 'busy':
      return 'One run at a time changes a tunnel. Wait for that one, then run the command again.';
    case 'changed':
      return 'Somebody else is at work on that host. Run the command again.';
    case 'invalid':
      return `\`vxfleet diff ${spoke}\` shows the candidate.`;
    case 'ping':
      return PING_HINT;
    case 'flock':
      return "util-linux's flock is needed (apt-get install util-linux), not BusyBox's; type -a flock shows whether another one comes first.";
    default:
      return `Look at: df /run /etc /var; ls /run/vxfleet/${name}.`;
  }
}

/** The kernel that a finding was about is gone with the candidate; what can still be looked at is the candidate. */
export function afterRevert(failure: TunnelFailure, spoke: string): TunnelFailure {
  const isAboutKernel = ['link', 'params', 'addresses', 'routes', 'policy'].includes(failure.layer ?? '');
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

/** What the ends of a change that failed are put back to. */
export function putBackOf({ observed, answered }: Baseline): PutBack {
  if (answered.length > 0) return 'answers';
  return observed.hub.link === undefined && observed.spoke.link === undefined ? 'nothing' : 'silent';
}
