/**
 * The end of a change that is proven. With two ends the hub promises first, then the spoke decides by confirming, then the hub follows;
 * docs/protocol.md says why no other order is safe.
 */
import { toVxfleetError } from '../errors.js';
import type { Change, ChangeRun } from './change.js';
import { decisionPartOf } from './decision-part.js';
import { StepFailed, stopIfInterrupted } from './failures.js';
import { findFragmentation } from './fragmentation.js';
import type { TunnelEnd } from './tunnel-end.js';

/** The last change first: of a site that gets another id the new tunnel is there before the old one is given up. */
export async function decide(changes: readonly Change[], run: ChangeRun): Promise<void> {
  stopIfInterrupted(run.signal);
  for (const change of changes) change.tell('confirm');
  const fragments = changes.map(warnOfFragments);
  try {
    for (const { target } of changes) for (const end of target.ends) await end.proveReachable();
    // From the hub's promise to its confirm an interrupt waits: a half-way decision helps nobody.
    for (const change of changes.toReversed()) {
      const [hub, spoke] = change.target.ends;
      if (hub !== undefined && spoke !== undefined) await decideBoth(change, hub, spoke);
      else if (hub !== undefined) await decideOne(change, hub);
    }
  } finally {
    await Promise.all(fragments);
  }
}

async function decideOne(change: Change, end: TunnelEnd): Promise<void> {
  await end.confirm(decisionPartOf(change, end)).catch((thrown: unknown) => {
    if (!(thrown instanceof StepFailed)) leave(change, `whether the ${end.end} confirmed is not known`);
    throw thrown;
  });
  confirmed(change, end);
}

async function decideBoth(change: Change, hub: TunnelEnd, spoke: TunnelEnd): Promise<void> {
  await hub.promise(decisionPartOf(change, hub));
  // Here the tunnel is decided. A spoke that refuses goes back with the hub.
  await spoke.confirm(decisionPartOf(change, spoke)).catch(async (thrown: unknown) => {
    if (!isRefusal(thrown)) leave(change, await whatTheHubDid(change, hub));
    throw thrown;
  });
  confirmed(change, spoke);
  await hub.confirm(decisionPartOf(change, hub)).catch((thrown: unknown) => {
    const isSaid = thrown instanceof StepFailed;
    leave(change, isSaid ? thrown.message : 'the hub has promised, and finds out alone that the spoke is confirmed');
    throw thrown;
  });
  confirmed(change, hub);
}

/** Else it may have confirmed or not, for it cannot be asked, has started anew, or is not done with confirming. */
const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof StepFailed && thrown.reason !== 'unknown' && thrown.reason !== 'confirmed';

function confirmed(change: Change, end: TunnelEnd): void {
  change.open.delete(end);
  change.confirmed.add(end);
}

/** Nothing is put back any more: the hosts know better. */
function leave(change: Change, trouble: string): void {
  change.open.clear();
  change.troubles.push(trouble);
}

/** When the spoke cannot be asked, the hub can find out over the tunnel, and does so alone. @returns a sentence */
async function whatTheHubDid({ target, run }: Change, hub: TunnelEnd): Promise<string> {
  const { spoke } = target.tunnel.plan;
  try {
    const outcome = await hub.settle(run.session.windowSeconds);
    if (outcome === 'confirmed') return `the hub found ${spoke} on the new end, and keeps it too`;
    if (outcome === 'peer') return `the hub did not find ${spoke} on the new end, and went back to the old one`;
    return outcome === '' ? `the hub does not know what ${spoke} did` : 'the hub has gone back to the old end';
  } catch (thrown) {
    return `the hub could not find out what ${spoke} did: ${toVxfleetError(thrown).message}`;
  }
}

async function warnOfFragments(change: Change): Promise<void> {
  const { tunnel } = change.target;
  if (change.proof?.sawFragments !== true || tunnel.expects === 'nothing') return;
  // A session that is lost is told by the confirm.
  const warning = await findFragmentation(tunnel).catch(() => undefined);
  if (warning !== undefined) change.warn(warning);
}
