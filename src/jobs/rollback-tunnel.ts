/** A tunnel put back to one of its generations: both ends together, by the same trial, proof and confirm, into a new generation. */
import { VxfleetError } from '../errors.js';
import type { TunnelResult } from '../events.js';
import { chooseRollback } from '../history/choose-rollback.js';
import type { EndHistory } from '../history/record.js';
import type { RollbackTarget } from '../history/rollback-target.js';
import type { Host } from '../host/host.js';
import type { End, KeptPlan, TunnelPlan } from '../plan/plan.js';
import { ownerOf } from '../render/check-stanza.js';
import type { Admit } from '../change/change.js';
import { endsOf, type Pair } from '../change/tunnel.js';
import { assessEnd, describeChange, refuseTunnel, stillEnds } from './assess-end.js';
import { fetchGeneration, fetchHistory, planOfHead } from './gather-history.js';
import { joinTunnel, type Hosts } from './join-tunnel.js';
import { withoutTunnels } from './orphans.js';
import { warn, type Run } from './run.js';
import type { SiteStep } from './rollback-sites.js';
import { carryOut, workOnSite, type Proposal } from './work-on-site.js';

/**
 * Never rejects: what happens is the results.
 * @param steps of one site, together; by the plan of the last it is reached
 * @param gone of a dry run: tunnels that would have been taken away before
 */
export async function rollbackTunnels(
  run: Run,
  steps: readonly SiteStep[],
  gone: readonly Gone[],
  admit: Admit,
): Promise<readonly TunnelResult[]> {
  return await workOnSite(
    run,
    steps.map(({ plan }) => plan),
    async (hosts) => {
      const proposals = steps.map(async (step) => {
        const others = steps.filter((one) => one.removes && one !== step);
        const targets = await chooseTargets(run, step, hosts);
        return propose(run, await openGeneration(run, step.plan, hosts, targets, [...gone, ...others]), targets);
      });
      return await carryOut(run, await Promise.all(proposals), admit);
    },
  );
}

type Gone = Pick<TunnelPlan, 'interface'>;

type Targets = Readonly<Record<End, RollbackTarget | undefined>>;

/** What each end goes back to. Rejects with refused, lost, timeout or host. */
async function chooseTargets(run: Run, { interface: name, request }: SiteStep, hosts: Hosts): Promise<Targets> {
  const [hub, spoke] = await Promise.all([
    // What is damaged at the hub has been said when the tunnels were chosen.
    historyAt(hosts.hub, name, () => undefined),
    historyAt(hosts.spoke, name, (message) => warn(run, message)),
  ]);
  return chooseRollback({ hub, spoke }, request);
}

/** The tunnel with the files of its generation, as its hosts kept them. Rejects with refused, lost, timeout or host. */
async function openGeneration(
  run: Run,
  plan: TunnelPlan,
  hosts: Hosts,
  targets: Targets,
  gone: readonly Gone[],
): Promise<Pair> {
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
  // Whose template it was is not kept: what the plan expects must be there, and more may be.
  const target = {
    hub: { text: hub.text, isCustom: true },
    spoke: { text: spoke.text, isCustom: true },
    expects: isFound ? 'answers' : hub.text === null ? 'nothing' : 'plan',
    made: hub.text === null ? ((await madePlan(hosts.hub, plan)) ?? undefined) : undefined,
  } as const;
  return joinTunnel(run, then, hosts, target, facts);
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

/** What stands there now, by the hub's record. */
async function madePlan(hub: Host, { interface: name }: TunnelPlan): Promise<KeptPlan | null> {
  const { ends } = await fetchHistory(hub, [name]);
  return await planOfHead(hub, ends.get(name));
}

interface DesiredEnd {
  readonly text: string | null;
  /** The plan of then, as far as it is known. */
  readonly plan: KeptPlan | null;
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

function propose(run: Run, tunnel: Pair, targets: Targets): Proposal {
  const { plan, expects } = tunnel;
  // An end whose file is the same already goes one step back in its history all the same.
  const noted = endsOf(tunnel).filter(({ end }) => targets[end] !== undefined);
  const ends = noted.filter(({ hasDesiredFile }) => !hasDesiredFile);
  run.onDiff?.(ends.map((end) => describeChange(plan, { end, drift: [] })));
  const still = expects === 'plan' ? stillEnds(ends.map((end) => assessEnd(tunnel, end))) : [];
  const restores = { hub: targets.hub?.restores ?? null, spoke: targets.spoke?.restores ?? null };
  // What stands there is kept in the history, whoever wrote it.
  return { target: { tunnel, ends, still, noted, restores }, refusal: refuseTunnel(tunnel, ends, true) };
}
