/** What all work on a tunnel has in common: its spoke is connected, dead runs' trials are ended, something is done, and its result is told. */
import { VxfleetError } from '../errors.js';
import type { TunnelFailure, TunnelResult } from '../events.js';
import type { Admit, Target } from '../change/change.js';
import { changeTunnels } from '../change/change-tunnel.js';
import { thrownResult, untouchedResult, wouldChangeResult } from '../change/tunnel-result.js';
import type { Host } from '../host/host.js';
import type { OpenTrial } from '../host/host-facts.js';
import { ENDS, type TunnelPlan } from '../plan/plan.js';
import type { Hosts } from './join-tunnel.js';
import { connectSpoke, type Run } from './run.js';

/** How long a host may take to end a trial beyond the window, in ms: an ifdown and an ifup at their longest. */
const TAKEOVER_GRACE_MS = 100_000;

/** Never rejects: what is thrown is the result of each. @param plans the tunnels of one site, the last of which says how it is reached */
export async function workOnSite(
  run: Run,
  plans: readonly TunnelPlan[],
  work: (hosts: Hosts) => Promise<readonly TunnelResult[]>,
  onThrown: (error: unknown) => void = () => undefined,
): Promise<readonly TunnelResult[]> {
  let spoke: Host | undefined;
  try {
    const plan = plans.at(-1);
    if (plan === undefined) return [];
    spoke = await connectSpoke(run, plan);
    const hosts = { hub: run.hub, spoke };
    for (const one of plans) await takeOverTrials(run, one, hosts);
    return await work(hosts);
  } catch (error) {
    onThrown(error);
    return plans.map((plan) => thrownResult(plan, error));
  } finally {
    await spoke?.close();
  }
}

/** What is to be changed. */
export interface Proposal {
  readonly target: Target;
  /** Why it must not be. */
  readonly refusal: TunnelFailure | undefined;
}

/** Makes the changes, all or none, or says what they would be. */
export async function carryOut(run: Run, proposals: readonly Proposal[], admit: Admit): Promise<TunnelResult[]> {
  const isDryRun = !run.session.writes;
  const refused = proposals.find(({ target, refusal }) => target.ends.length > 0 && refusal !== undefined);
  if (!isDryRun && refused === undefined) {
    return await changeTunnels(
      proposals.map(({ target }) => target),
      run,
      admit,
    );
  }
  return proposals.map((proposal) => {
    const { tunnel, ends } = proposal.target;
    const refusal = proposal.refusal ?? (refused && refusalWith(refused));
    if (ends.length === 0) return untouchedResult(tunnel.plan, 'unchanged', null);
    return isDryRun
      ? wouldChangeResult(proposal.target, refusal)
      : untouchedResult(tunnel.plan, 'failed', refusal ?? null);
  });
}

/** Of what cannot be changed without the other. */
function refusalWith({ target: { tunnel }, refusal }: Proposal): TunnelFailure | undefined {
  const { spoke, interface: name } = tunnel.plan;
  const why = tunnel.expects === 'nothing' ? `cannot lose ${name}` : `could not have ${name} instead`;
  return refusal && { ...refusal, message: `it stays, because ${spoke} ${why}: ${refusal.message}` };
}

/**
 * Ends trials that a run has left behind, when nobody is there to end them or a person says so; the spoke's first: then there is an answer when the
 * hub asks what the spoke did. A trial whose run is alive is left to it. The hosts are looked at again if there was anything to end.
 */
async function takeOverTrials(
  { session, takeover }: Run,
  { interface: name }: TunnelPlan,
  hosts: Hosts,
): Promise<void> {
  const isAbandoned = (trial: OpenTrial | undefined): boolean =>
    trial?.holder === 'nobody' || (takeover && trial?.holder === 'guard');
  const held = ENDS.toReversed().filter((end) => hosts[end].facts.trials.has(name));
  // Both or none: an end that is left to its run or its guard may still confirm.
  const isOurs = held.every((end) => isAbandoned(hosts[end].facts.trials.get(name)));
  if (!session.writes || held.length === 0 || !isOurs) return;
  for (const end of held) await takeOver(hosts[end], name, session.windowSeconds);
  await Promise.all([hosts.hub.inspect(), hosts.spoke.inspect()]);
}

async function takeOver(host: Host, interfaceName: string, windowSeconds: number): Promise<void> {
  const timeoutMs = windowSeconds * 1000 + TAKEOVER_GRACE_MS;
  const reply = await host.call({ verb: 'takeover', args: [interfaceName], timeoutMs });
  if (reply.ok) return;
  throw new VxfleetError('host', `the trial on ${host.host} could not be ended: ${reply.text}`, {
    host: host.host,
    hint: `Look there at /run/vxfleet/${interfaceName} and at \`df /etc /var /run\`; what is pending ends when the host can write.`,
  });
}
