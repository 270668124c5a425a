/** A site that gets another id loses its old tunnel before it has the new one: not before it is known that it could have it. */
import type { TunnelResult } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';
import { deployTunnel, type DeployOptions } from './deploy-tunnel.js';
import type { Host } from '../host/host.js';
import type { FleetAccess } from './open-tunnel.js';
import { untouchedResult } from './tunnel-result.js';

/**
 * The result of an orphan that has to stay because its site's new tunnel would be refused, or undefined. Never rejects.
 * @param orphan whose site the inventory may have under another id @param options of the deploy that is to follow
 */
export async function refuseMove(
  access: FleetAccess,
  hub: Host,
  orphan: TunnelPlan,
  options: DeployOptions,
): Promise<TunnelResult | undefined> {
  const next = access.tunnels.find(
    ({ spoke, spokeUnderlay }) => spoke === orphan.spoke || spokeUnderlay.address === orphan.spokeUnderlay.address,
  );
  if (next === undefined) return undefined;
  const silent = { emit: () => undefined, onWarning: () => undefined, onDiff: undefined };
  const results = await deployTunnel(access, hub, next, { ...options, ...silent, dryRun: true, prune: false });
  const { status, error } = results.at(-1) ?? {};
  // One that cannot be reached loses nothing but what pruning is told to take.
  if (error == null || status !== 'failed') return undefined;
  const message = `it stays, because ${next.spoke} could not have ${next.interface} instead: ${error.message}`;
  return untouchedResult(orphan, 'failed', { ...error, message });
}
