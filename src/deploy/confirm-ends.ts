/**
 * The end of a change that is proven. With two ends the hub promises first, then the spoke decides by confirming, then the hub follows;
 * docs/protocol.md says why no other order is safe.
 */
import { toVxfleetError } from '../errors.js';
import type { TunnelFailure } from '../events.js';
import type { End } from '../plan/plan.js';
import { failureOf, type Tunnel } from './tunnel.js';

export interface Confirmation {
  /** Ends that have the new file. */
  readonly confirmed: readonly End[];
  /** Ends whose trial is open and has to be put back. */
  readonly open: readonly End[];
  /** What is not known or not as it should be, a sentence each; with one of these the tunnel's state is not proven. */
  readonly troubles: readonly string[];
  readonly failure: TunnelFailure | null;
}

/** Never rejects. @param hubWindow seconds of the hub's window, within which it finds out alone what a lost spoke did */
export async function confirmEnds(tunnel: Tunnel, ends: readonly End[], hubWindow: number): Promise<Confirmation> {
  const [only] = ends;
  for (const end of ends) {
    const message = await tunnel[end].proveReachable();
    if (message !== null) return notBegun(ends, { code: 'connect', end, layer: 'ssh', message, hint: LOST_PATH_HINT });
  }
  return ends.length === 1 && only !== undefined
    ? await confirmOne(tunnel, only)
    : await confirmBoth(tunnel, ends, hubWindow);
}

const LOST_PATH_HINT =
  'The change would have cut this host off. With ssh.host set to its IPv4 address the tunnel is not its way.';

async function confirmOne(tunnel: Tunnel, end: End): Promise<Confirmation> {
  try {
    const reply = await tunnel[end].confirm();
    return reply.ok ? isDone([end]) : notBegun([end], refusal(end, reply.text, reply.reason));
  } catch (thrown) {
    const failure = failureOf(toVxfleetError(thrown), tunnel.plan);
    return { confirmed: [], open: [], troubles: [`whether the ${end} confirmed is not known`], failure };
  }
}

async function confirmBoth(tunnel: Tunnel, ends: readonly End[], hubWindow: number): Promise<Confirmation> {
  try {
    const promise = await tunnel.hub.promise();
    if (!promise.ok) return notBegun(ends, refusal('hub', promise.text, promise.reason));
  } catch (thrown) {
    return notBegun(ends, failureOf(toVxfleetError(thrown), tunnel.plan));
  }

  try {
    // Here the tunnel is decided.
    const decision = await tunnel.spoke.confirm();
    const isRefused = !decision.ok && decision.reason !== 'unknown' && decision.reason !== 'confirmed';
    if (isRefused) return notBegun(ends, refusal('spoke', decision.text, decision.reason));
    if (!decision.ok) {
      // It has started anew and does not know whether it had confirmed, or is not done with confirming.
      const troubles = [await settleHub(tunnel, hubWindow)];
      return { confirmed: [], open: [], troubles, failure: refusal('spoke', decision.text, decision.reason) };
    }
  } catch (thrown) {
    const failure = failureOf(toVxfleetError(thrown), tunnel.plan);
    // It may have confirmed or not, and cannot be asked: the hub can find out over the tunnel, and does so alone.
    return { confirmed: [], open: [], troubles: [await settleHub(tunnel, hubWindow)], failure };
  }

  try {
    const reply = await tunnel.hub.confirm();
    if (reply.ok) return isDone(ends);
    return {
      confirmed: ['spoke'],
      open: [],
      troubles: [reply.text],
      failure: refusal('hub', reply.text, reply.reason),
    };
  } catch (thrown) {
    const failure = failureOf(toVxfleetError(thrown), tunnel.plan);
    const sentence = 'the hub has promised, and finds out alone that the spoke is confirmed';
    return { confirmed: ['spoke'], open: [], troubles: [sentence], failure };
  }
}

/** A sentence on what the hub did, when the spoke cannot be asked. */
async function settleHub({ hub, plan }: Tunnel, hubWindow: number): Promise<string> {
  try {
    const outcome = await hub.settle(hubWindow);
    if (outcome === 'confirmed') return `the hub found ${plan.spoke} on the new end, and keeps it too`;
    if (outcome === 'peer') return `the hub did not find ${plan.spoke} on the new end, and went back to the old one`;
    return outcome === '' ? `the hub does not know what ${plan.spoke} did` : 'the hub has gone back to the old end';
  } catch (thrown) {
    return `the hub could not find out what ${plan.spoke} did: ${toVxfleetError(thrown).message}`;
  }
}

const isDone = (ends: readonly End[]): Confirmation => ({ confirmed: ends, open: [], troubles: [], failure: null });

/** Nothing is confirmed, and every trial may be put back. */
const notBegun = (open: readonly End[], failure: TunnelFailure): Confirmation => ({
  confirmed: [],
  open,
  troubles: [],
  failure,
});

const refusal = (end: End, message: string, reason: string): TunnelFailure => ({
  code: 'host',
  end,
  layer: ['full', 'store', 'pending'].includes(reason) ? 'file' : null,
  message,
  hint: confirmHint(end, reason),
});

/** What to look at, by the host's reason. */
export const confirmHint = (end: End, reason: string): string =>
  ['full', 'store', 'pending'].includes(reason)
    ? `On the ${end}: df /etc /var/lib /run; are they writable?`
    : 'Run the command again; with a larger --window if the proof took long.';
