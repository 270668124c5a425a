/** Trials that a run has left behind: ended before a new one begins, when nobody is there to end them or a person says so. */
import type { OpenTrial } from '../host/host-facts.js';
import { ENDS, type TunnelPlan } from '../plan/plan.js';
import { joinTunnel, type FleetAccess, type Hosts } from './open-tunnel.js';

/**
 * Ends them, the spoke's first: then there is an answer when the hub asks what the spoke did. A trial whose run is alive is left to it. The hosts are looked
 * at again if there was anything to end. Rejects with host, lost or timeout.
 * @param options a dry run ends none; `takeover` ends also what a guard would end by itself when the window is over
 */
export async function takeOverTrials(
  access: FleetAccess,
  plan: TunnelPlan,
  hosts: Hosts,
  { dryRun, takeover }: { readonly dryRun: boolean; readonly takeover: boolean },
): Promise<void> {
  if (dryRun) return;
  const isAbandoned = (trial: OpenTrial | undefined): boolean =>
    trial?.holder === 'nobody' || (takeover && trial?.holder === 'guard');
  const open = ENDS.toReversed().filter((end) => hosts[end].facts.trials.has(plan.interface));
  // Both or none: an end that is left to its run or its guard may still confirm.
  const isOurs = open.every((end) => isAbandoned(hosts[end].facts.trials.get(plan.interface)));
  const abandoned = isOurs ? open : [];
  if (abandoned.length === 0) return;
  const tunnel = joinTunnel(access, plan, hosts, NO_FILES);
  for (const end of abandoned) await tunnel[end].takeOver(access.session.windowSeconds);
  await Promise.all([hosts.hub.inspect(), hosts.spoke.inspect()]);
}

const NO_FILES = { hub: null, spoke: null, custom: { hub: false, spoke: false }, proof: 'planned' } as const;
