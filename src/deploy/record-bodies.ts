/** The records that a change leaves with its ends. */
import { generationBody } from '../history/generation-text.js';
import type { RunIdentity } from '../host/host-session.js';
import type { End } from '../plan/plan.js';
import type { Tunnel } from './tunnel.js';

interface RecordedChange {
  readonly identity: RunIdentity;
  /** Of a rollback: the change whose state each end goes back to, `first`, or null. */
  readonly restores?: Readonly<Record<End, string | null>>;
}

/** Made once, for their digests are their names: they hold the time of now. @param ends the ones that change; the other is kept as it is */
export function recordBodies(tunnel: Tunnel, ends: readonly End[], change: RecordedChange): Record<End, string> {
  const { operator, command } = change.identity;
  const time = `${new Date().toISOString().slice(0, 19)}Z`;
  const header = { change: tunnel.change, time, operator, command, spoke: tunnel.plan.spoke };
  const body = (end: End): string => {
    const plan = tunnel.proof === 'planned' ? tunnel.plan : null;
    const restores = change.restores?.[end] ?? null;
    const otherRestores = change.restores?.[end === 'hub' ? 'spoke' : 'hub'] ?? null;
    const text = ends.includes(end) ? tunnel[end].desired : tunnel[end].current;
    return generationBody({ ...header, end, restores, otherRestores, plan }, text);
  };
  return { hub: body('hub'), spoke: body('spoke') };
}
