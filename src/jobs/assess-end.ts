/** How the ends of a tunnel stand against what is desired, and whether they may be changed. */
import type { EndDiff } from '../diff/fold-diffs.js';
import { tunnelPlaceholders } from '../diff/tunnel-placeholders.js';
import { unifiedDiff } from '../diff/unified-diff.js';
import type { TunnelFailure } from '../events.js';
import { endsOf, expectedOf, mtus, type Tunnel } from '../change/tunnel.js';
import type { TunnelEnd } from '../change/tunnel-end.js';
import { finderOf, runOf } from '../history/change-id.js';
import { ifupdownOf } from '../host/host-facts.js';
import type { TunnelPlan } from '../plan/plan.js';
import { refuseMtus, refuseOneEnd } from '../preflight/both-ends.js';
import { refusalOf } from '../preflight/refusal-of.js';
import type { PreflightOptions, Scene } from '../preflight/scene.js';
import { compareEnd, type Finding } from '../verify/compare-end.js';

/** How an end stands against what is desired. */
export interface Assessment {
  readonly end: TunnelEnd;
  /** How the kernel differs from the plan. */
  readonly drift: readonly Finding[];
}

export const needsChange = ({ end, drift }: Assessment): boolean => !end.hasDesiredFile || drift.length > 0;

/** Those whose file changes in its comments alone, and whose kernel is as planned: nothing has to be bounced for it. */
export const stillEnds = (assessments: readonly Assessment[]): readonly TunnelEnd[] =>
  assessments
    .filter(({ end, drift }) => !end.hasDesiredFile && drift.length === 0 && hasSameStanzas(end))
    .map(({ end }) => end);

const hasSameStanzas = ({ current, target: { text } }: TunnelEnd): boolean =>
  current !== null && text !== null && withoutComments(current) === withoutComments(text);

/** As ifupdown reads it. */
const withoutComments = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !/^\s*(?:#|$)/.test(line))
    .join('\n');

/** Why the ends of this tunnel must not be changed, or undefined. @param changing those that are to be changed; the others stay as they are */
export function refuseTunnel(
  tunnel: Tunnel,
  changing: readonly TunnelEnd[],
  adopt: boolean,
): TunnelFailure | undefined {
  for (const end of endsOf(tunnel)) {
    const scene = sceneOf(tunnel, end, { adopt, removes: tunnel.expects === 'nothing' });
    const refusal = refusalOf(scene, { changes: changing.includes(end) });
    if (refusal !== undefined) return { code: 'refused', end: end.end, ...refusal };
  }
  if (tunnel.expects === 'nothing') return undefined;
  const { plan, hub, spoke } = tunnel;
  const ends = mtus(tunnel);
  const facts = { hub: hub.facts, spoke: spoke.facts };
  const names = changing.map(({ end }) => end);
  const refusal =
    refuseMtus(plan, ends) ?? (tunnel.expects === 'answers' ? undefined : refuseOneEnd(plan, names, facts, ends.hub));
  return refusal && { code: 'refused', end: null, ...refusal };
}

/** What a rule of preflight looks at. */
export function sceneOf(tunnel: Tunnel, { end, facts }: TunnelEnd, options: PreflightOptions): Scene {
  return {
    ...options,
    fleet: tunnel.fleet,
    made: tunnel.made,
    tunnel: tunnel.plan,
    end,
    facts,
    otherFacts: tunnel[end === 'hub' ? 'spoke' : 'hub']?.facts,
  };
}

/** What the inspection says of an end, file and kernel. */
export function assessEnd(tunnel: Tunnel, end: TunnelEnd): Assessment {
  const { facts } = end;
  const { interface: name } = tunnel.plan;
  const link = facts.links.get(name);
  // Without its entry in ifstate, ifupdown does nothing when the host goes down or somebody says ifdown (field-notes 1.4, 3.3).
  const isForgotten = ifupdownOf(facts) !== 'ifupdown2' && link !== undefined && !facts.configured.includes(name);
  return {
    end,
    drift: [
      ...compareEnd(expectedOf(tunnel, end), { link, network: facts.network }, !end.target.isCustom),
      ...(isForgotten ? [{ layer: 'link' as const, message: `${name} is up, and ifupdown does not know it` }] : []),
    ],
  };
}

/** What somebody has done to the file since a run of ours, if anything: to go on after its path. */
export function describeEdit({ plan }: Tunnel, { facts, current }: TunnelEnd): string | undefined {
  const change = facts.edited.get(plan.interface);
  if (change === undefined) return undefined;
  const finder = finderOf(change);
  const since = finder === change ? `run ${runOf(change)}` : `run ${runOf(finder)} found it there`;
  return `was ${current === null ? 'removed' : 'edited'} on the host since ${since}`;
}

/** How an end would change: its file, or what of the kernel its file does not explain. */
export function describeChange(
  plan: TunnelPlan,
  { end: { end, current, target, hasDesiredFile }, drift }: Assessment,
): EndDiff {
  const path = `${end === 'hub' ? 'hub' : plan.spoke}:/etc/network/interfaces.d/${plan.interface}`;
  const labels = { oldLabel: path, newLabel: `${path} (desired)` };
  return {
    spoke: plan.spoke,
    id: plan.id,
    end,
    text: hasDesiredFile ? '' : unifiedDiff(current, target.text, labels),
    // With another file the kernel is another by nature; only what the file does not explain is drift.
    drift: hasDesiredFile ? drift.map(({ message }) => message) : [],
    placeholders: tunnelPlaceholders(plan),
  };
}
