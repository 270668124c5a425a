/** A tunnel put back to one of its generations: both ends together, by the same trial, proof and confirm, into a new generation. */
import { VxfleetError } from '../errors.js';
import type { TunnelResult } from '../events.js';
import type { EndDiff } from '../diff/fold-diffs.js';
import { chooseRollback } from '../history/choose-rollback.js';
import type { EndHistory } from '../history/record.js';
import type { RollbackRequest, RollbackTarget } from '../history/rollback-target.js';
import { ENDS, type End, type TunnelPlan } from '../plan/plan.js';
import type { ChangeOptions } from './change.js';
import { changeTunnel } from './change-tunnel.js';
import { describeChange } from './describe-change.js';
import { fetchGeneration, fetchHistory } from './gather-history.js';
import type { Host } from '../host/host.js';
import { ownerOf } from '../render/check-stanza.js';
import { withoutTunnels } from './orphans.js';
import { connectSpoke, joinTunnel, type DesiredEnds, type FleetAccess, type Hosts } from './open-tunnel.js';
import { takeOverTrials } from './take-over.js';
import { assessEnd, refuseTunnel, stillEnds, type Tunnel } from './tunnel.js';
import { thrownResult, untouchedResult, wouldChangeResult } from './tunnel-result.js';

export interface RollbackOptions extends Omit<ChangeOptions, 'restores' | 'noted'> {
  readonly request: RollbackRequest;
  /** Only show what would change. */
  readonly dryRun: boolean;
  /** Of a dry run: tunnels that would have been taken away before. */
  readonly gone: readonly Pick<TunnelPlan, 'interface'>[];
  /** End a trial that a dead run has left. */
  readonly takeover: boolean;
  readonly onDiff: ((diffs: readonly EndDiff[]) => void) | undefined;
}

/**
 * Never rejects: what happens is the result.
 * @param plan the tunnel's of today, or of a generation: how the spoke is reached
 */
export async function rollbackTunnel(
  access: FleetAccess,
  hub: Host,
  plan: TunnelPlan,
  options: RollbackOptions,
): Promise<TunnelResult> {
  let spoke: Host | undefined;
  try {
    spoke = await connectSpoke(access, hub, plan, options.onStep);
    const hosts = { hub, spoke };
    await takeOverTrials(access, plan, hosts, options);
    const { tunnel, targets } = await openGeneration(access, plan, hosts, options);
    return await putBack(tunnel, targets, options);
  } catch (error) {
    return thrownResult(plan, error);
  } finally {
    await spoke?.close();
  }
}

type Targets = Readonly<Record<End, RollbackTarget | undefined>>;

/** The tunnel with the files of its generation, as its hosts kept them. Rejects with refused, lost, timeout or host. */
async function openGeneration(
  access: FleetAccess,
  plan: TunnelPlan,
  hosts: Hosts,
  { request, gone, onWarning }: RollbackOptions,
): Promise<{ readonly tunnel: Tunnel; readonly targets: Targets }> {
  const [hubHistory, spokeHistory] = await Promise.all([
    // What is damaged at the hub has been said when the tunnels were chosen.
    historyAt(hosts.hub, plan.interface, () => undefined),
    historyAt(hosts.spoke, plan.interface, onWarning),
  ]);
  const targets = chooseRollback({ hub: hubHistory, spoke: spokeHistory }, request);
  const [hub, spoke] = await Promise.all([
    desiredAt(hosts.hub, plan, targets.hub),
    desiredAt(hosts.spoke, plan, targets.spoke),
  ]);
  const isFound = hub.isFound || spoke.isFound;
  const trouble = isFound ? undefined : mismatchOf(hub, spoke);
  if (trouble !== undefined) {
    throw new VxfleetError('refused', `the two ends of ${plan.interface} would not belong together: ${trouble}`, {
      hint: 'vxfleet history shows what each end has kept; --to RUN with another run may fit.',
    });
  }
  // Whatever the spoke was called then.
  const then = { ...(hub.plan ?? spoke.plan ?? plan), spoke: plan.spoke, ssh: plan.ssh };
  const facts = { hub: withoutTunnels(hosts.hub.facts, gone), spoke: withoutTunnels(hosts.spoke.facts, gone) };
  const desired: DesiredEnds = {
    hub: hub.text,
    spoke: spoke.text,
    // Whose template it was is not kept: what the plan expects must be there, and more may be.
    custom: { hub: true, spoke: true },
    proof: isFound ? 'found' : hub.text === null ? 'gone' : 'planned',
  };
  return { tunnel: joinTunnel(access, then, hosts, desired, facts), targets };
}

/** A record that is damaged or forgotten at one end makes the two go back to different states: known before a tunnel is down for it. */
function mismatchOf(hub: DesiredEnd, spoke: DesiredEnd): string | undefined {
  if ((hub.text === null) !== (spoke.text === null)) return 'one is a file, the other none';
  if (hub.plan === null || spoke.plan === null) return undefined;
  const [a, b] = [hub.plan, spoke.plan].map(({ id, prefix, vni, dstport, mtu, hubUnderlay, spokeUnderlay }) =>
    [id, prefix, vni, dstport, mtu, hubUnderlay.address, spokeUnderlay.address].join(' '),
  );
  return a === b ? undefined : 'they were made with different parameters';
}

interface DesiredEnd {
  readonly text: string | null;
  /** The plan of then, as far as it is known. */
  readonly plan: TunnelPlan | null;
  /** Is it a file that vxfleet did not render? */
  readonly isFound: boolean;
}

async function historyAt(host: Host, interfaceName: string, onWarning: (message: string) => void): Promise<EndHistory> {
  const { ends, warnings } = await fetchHistory(host, [interfaceName]);
  for (const warning of warnings) onWarning(warning);
  return ends.get(interfaceName) ?? { host: host.host, interface: interfaceName, records: [] };
}

/** What an end goes back to. One that is left alone goes back to what it has. */
async function desiredAt(host: Host, today: TunnelPlan, target: RollbackTarget | undefined): Promise<DesiredEnd> {
  if (target === undefined) return { text: host.facts.files.get(today.interface) ?? null, plan: null, isFound: false };
  if (target.kind === 'absent' || !target.record.hasFile) return { text: null, plan: null, isFound: false };
  const { text, plan } = await fetchGeneration(host, target.record);
  // By what it is called now, was called then, or was called in a file that has been put back since.
  const names = [target.record.spoke, ownerOf(text ?? '')?.spoke];
  const isSameSite = names.includes(today.spoke) || plan?.spokeUnderlay.address === today.spokeUnderlay.address;
  if (isSameSite) return { text, plan, isFound: plan === null };
  throw new VxfleetError(
    'refused',
    `run ${target.record.run} had ${today.interface} as the tunnel of ${target.record.spoke}`,
    {
      host: host.host,
      hint: `It is ${today.spoke}'s now; a rollback does not hand it back.`,
    },
  );
}

async function putBack(tunnel: Tunnel, targets: Targets, options: RollbackOptions): Promise<TunnelResult> {
  const { plan } = tunnel;
  const ends = ENDS.filter((end) => targets[end] !== undefined && !tunnel[end].hasDesiredFile);
  options.onDiff?.(ends.map((end) => describeChange(tunnel, { end, drift: [], sameFile: false })));
  // What stands there is kept in the history, whoever wrote it.
  const refusal = ends.length === 0 ? undefined : refuseTunnel(tunnel, { adopt: true, changing: ends });
  if (options.dryRun && ends.length > 0) {
    return wouldChangeResult(plan, ends, tunnel.proof === 'gone', refusal);
  }
  if (options.dryRun) return untouchedResult(plan, 'unchanged', null);
  if (refusal !== undefined) return untouchedResult(plan, 'failed', refusal);
  return await changeTunnel(tunnel, ends, {
    ...options,
    restores: { hub: targets.hub?.restores ?? null, spoke: targets.spoke?.restores ?? null },
    // An end whose file is the same already goes one step back in its history all the same.
    noted: ENDS.filter((end) => targets[end] !== undefined),
    still: stillEnds(tunnel, tunnel.proof === 'planned' ? ends.map((end) => assessEnd(tunnel, end)) : []),
  });
}
