/** Which sites the steps of a rollback are about, as the inventory knows them now, and which of them would be left without a tunnel. */
import pLimit from 'p-limit';
import { toVxfleetError, VxfleetError } from '../errors.js';
import type { RollbackStep } from '../history/plan-rollback.js';
import type { HistoryRecord } from '../history/record.js';
import type { HostFacts } from '../host/host-facts.js';
import type { Caller } from '../host/host-session.js';
import type { KeptPlan, TunnelPlan } from '../plan/plan.js';
import { ownerOf, remoteOf } from '../render/check-stanza.js';
import { planOf } from './gather-history.js';
import { formerSite, type Known, type Site } from './former-spokes.js';
import { connectSpoke, type Run } from './run.js';
import type { Planned } from './run-fleet.js';

export interface SiteStep extends RollbackStep {
  /** How the spoke is reached, and what it is called now. */
  readonly plan: TunnelPlan;
}

/** A step whose spoke we may not know how to reach. */
export interface LocatedStep extends RollbackStep {
  readonly plan: Site;
}

/**
 * A site is known by its name or its underlay address, one of which may have changed since.
 * @param sites the inventory's tunnels, then those that it no longer has
 * Rejects with refused, lost, timeout or host.
 */
export async function locateStep(
  hub: Caller,
  sites: readonly Site[],
  known: Known,
  step: RollbackStep,
): Promise<LocatedStep> {
  const isHere = (plan: Site): boolean => plan.interface === step.interface;
  const isNamed = ({ spoke }: Site): boolean => spoke === step.spoke;
  const named = sites.find((site) => isNamed(site) && isHere(site)) ?? sites.find(isNamed);
  if (named !== undefined && isHere(named)) return { ...step, plan: named };
  const then = await firstPlan(hub, step.records);
  // What is put back without a plan was nobody's of ours: the one who has the interface is asked.
  if (then === null) {
    const heir = sites.find(isHere);
    if (heir !== undefined) return { ...step, plan: heir };
    throw new VxfleetError(
      'refused',
      `how ${step.spoke} is reached, whose tunnel ${step.interface} was, is not known`,
      {
        hint: 'Put the spoke into the inventory, then run the command again.',
      },
    );
  }
  const today = named ?? sites.find(({ spokeUnderlay }) => spokeUnderlay.address === then.spokeUnderlay.address);
  if (today === undefined) return { ...step, plan: formerSite(known, then) };
  return { ...step, plan: isHere(today) ? today : { ...then, spoke: today.spoke, ssh: today.ssh } };
}

async function firstPlan(hub: Caller, records: readonly HistoryRecord[]): Promise<KeptPlan | null> {
  for (const record of records) {
    const plan = record.hasFile ? await planOf(hub, record) : null;
    if (plan !== null) return plan;
  }
  return null;
}

/** The steps that leave a spoke of the inventory without a tunnel that it has. @param sites the inventory's tunnels, and former ones */
export function findTakenAway(
  tunnels: readonly TunnelPlan[],
  sites: readonly Site[],
  { files }: Pick<HostFacts, 'files'>,
  steps: readonly SiteStep[],
): SiteStep[] {
  const before = new Map(
    sites.flatMap(({ interface: name }) => {
      const spoke = spokeOf(tunnels, files.get(name));
      return spoke === undefined ? [] : [[name, spoke] as const];
    }),
  );
  const after = new Map(before);
  for (const { interface: name, removes, plan } of steps) {
    if (removes) after.delete(name);
    else after.set(name, plan.spoke);
  }
  const kept = new Set(after.values());
  return steps.filter(
    ({ interface: name, removes, plan }) => removes && before.get(name) === plan.spoke && !kept.has(plan.spoke),
  );
}

/** Steps of one site that are made together, the last of which says how it is reached. */
export interface SiteWork extends Planned {
  readonly steps: readonly SiteStep[];
}

/** A site that loses a tunnel and gets another one changes both together, where no other site has had either: it is never without. */
export function joinMoves(phases: readonly (readonly SiteStep[])[]): SiteWork[][] {
  const all = phases.flat();
  const isMove = ({ interface: name, plan }: SiteStep): boolean =>
    all.filter((one) => one.interface === name).length === 1 &&
    all.filter((one) => one.plan.spoke === plan.spoke).length === 2;
  const oldOf = (step: SiteStep): SiteStep[] =>
    step.removes || !isMove(step)
      ? []
      : all.filter((one) => one.removes && one.plan.spoke === step.plan.spoke && isMove(one));
  const joined = new Set(all.flatMap(oldOf));
  return phases
    .map((phase) => phase.filter((step) => !joined.has(step)))
    .filter((phase) => phase.length > 0)
    .map((phase) => phase.map((step) => workOf(oldOf(step), step)));
}

const workOf = (before: readonly SiteStep[], step: SiteStep): SiteWork => ({
  plan: step.plan,
  beside: before.map(({ plan }) => plan),
  steps: [...before, step],
});

/**
 * A rollback of several steps takes tunnels away before it puts others back: no site is begun that may have to stay without one because
 * another does not answer. Rejects with what keeps a spoke from being reached.
 */
export async function requireAll(run: Run, steps: readonly SiteStep[], forks: number): Promise<void> {
  const spokes = new Map(steps.map(({ plan }) => [plan.spoke, plan]));
  const silent = { ...run, emit: () => undefined };
  const limit = pLimit(forks);
  const looks = [...spokes.values()].map((plan) => limit(async () => (await connectSpoke(silent, plan)).close()));
  const failed = (await Promise.allSettled(looks)).find((look) => look.status === 'rejected');
  if (failed === undefined) return;
  const { code, message, host, hint } = toVxfleetError(failed.reason);
  throw new VxfleetError(code, `the tunnels of this run go back together or not at all: ${message}`, {
    ...(host === undefined ? {} : { host }),
    hint: `Nothing was touched. ${hint ?? ''}`.trim(),
  });
}

/** What the inventory calls the spoke whose tunnel this file makes. */
const spokeOf = (tunnels: readonly TunnelPlan[], text: string | undefined): string | undefined =>
  text === undefined
    ? undefined
    : tunnels.find(
        ({ spoke, spokeUnderlay }) => spoke === ownerOf(text)?.spoke || spokeUnderlay.address === remoteOf(text),
      )?.spoke;
