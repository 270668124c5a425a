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
  try {
    for (const end of ends) {
      const message = await tunnel[end].openConfirmation();
      if (message !== null)
        return notBegun(ends, { code: 'connect', end, layer: 'ssh', message, hint: LOST_PATH_HINT });
    }
    return ends.length === 1 && only !== undefined
      ? await confirmOne(tunnel, only)
      : await confirmBoth(tunnel, ends, hubWindow);
  } finally {
    await Promise.all(ends.map((end) => tunnel[end].closeConfirmation()));
  }
}

const LOST_PATH_HINT =
  'The change would have cut this host off. With ssh.host set to its IPv4 address the tunnel is not its way.';

async function confirmOne(tunnel: Tunnel, end: End): Promise<Confirmation> {
  try {
    const reply = await tunnel[end].confirm();
    if (!reply.ok) return notBegun([end], refusal(end, reply.text));
    return { confirmed: [end], open: [], troubles: [], failure: null };
  } catch (thrown) {
    const failure = failureOf(toVxfleetError(thrown), tunnel.plan);
    return { confirmed: [], open: [], troubles: [`whether the ${end} confirmed is not known`], failure };
  }
}

async function confirmBoth(tunnel: Tunnel, ends: readonly End[], hubWindow: number): Promise<Confirmation> {
  try {
    const promise = await tunnel.hub.promise();
    if (!promise.ok) return notBegun(ends, refusal('hub', promise.text));
  } catch (thrown) {
    return notBegun(ends, failureOf(toVxfleetError(thrown), tunnel.plan));
  }

  try {
    const decision = await tunnel.spoke.confirm();
    if (!decision.ok) return notBegun(ends, refusal('spoke', decision.text));
  } catch (thrown) {
    const failure = failureOf(toVxfleetError(thrown), tunnel.plan);
    // It may have confirmed or not: the hub alone can tell, over the tunnel.
    const hub = await settleHub(tunnel, hubWindow);
    if (hub.isNew) return { confirmed: ends, open: [], troubles: [], failure: null };
    return { confirmed: [], open: ['spoke'], troubles: [hub.sentence], failure };
  }

  try {
    const reply = await tunnel.hub.confirm();
    if (reply.ok) return { confirmed: ends, open: [], troubles: [], failure: null };
    const failure = refusal('hub', reply.text);
    if (reply.reason !== 'late') return { confirmed: ['spoke'], open: [], troubles: [reply.text], failure };
    const hub = await settleHub(tunnel, hubWindow);
    if (hub.isNew) return { confirmed: ends, open: [], troubles: [], failure: null };
    return { confirmed: ['spoke'], open: [], troubles: [hub.sentence], failure };
  } catch (thrown) {
    const failure = failureOf(toVxfleetError(thrown), tunnel.plan);
    const sentence = 'the hub has promised, and finds out alone that the spoke is confirmed';
    return { confirmed: ['spoke'], open: [], troubles: [sentence], failure };
  }
}

async function settleHub(tunnel: Tunnel, hubWindow: number): Promise<{ isNew: boolean; sentence: string }> {
  try {
    const outcome = await tunnel.hub.settle(hubWindow);
    if (outcome === 'confirmed') return { isNew: true, sentence: '' };
    return { isNew: false, sentence: `the hub found ${tunnel.plan.spoke} on the old end, and went back to it` };
  } catch (thrown) {
    const { message } = toVxfleetError(thrown);
    return { isNew: false, sentence: `the hub could not find out what ${tunnel.plan.spoke} did: ${message}` };
  }
}

/** Nothing is confirmed, and every trial may be put back. */
const notBegun = (open: readonly End[], failure: TunnelFailure): Confirmation => ({
  confirmed: [],
  open,
  troubles: [],
  failure,
});

const refusal = (end: End, message: string): TunnelFailure => ({
  code: 'host',
  end,
  layer: 'file',
  message,
  hint: confirmHint(end),
});

/** What to look at when a host could not write. */
export const confirmHint = (end: End): string =>
  `On the ${end}: df /etc /var/lib /run; is /etc writable? The trial was ended; nothing of it is left.`;
