/** What a rollback is about to do, as one sentence. */
import { formatInterfaceRanges } from '../diff/interface-ranges.js';
import { finderOf } from '../history/change-id.js';
import type { RollbackPlan } from '../history/plan-rollback.js';
import { idOf } from '../history/record.js';

/** More tunnels than these are not named one by one. */
const NAMED_TUNNELS = 8;

interface Telling {
  /** The state of a run is put back, and none undone. */
  readonly to: boolean;
  readonly dryRun: boolean;
}

/** @param steps in the plan's order, with the names that the spokes have now */
export function describeRollback(
  { run, record }: RollbackPlan,
  steps: readonly { readonly interface: string; readonly spoke: string }[],
  { to, dryRun }: Telling,
): string {
  const finder = finderOf(run);
  const by = record === undefined ? '' : `, \`${record.command}\` of ${record.operator} at ${record.time},`;
  const state = finder === run ? `the state of run ${run}${by}` : `what run ${finder} found`;
  const change = finder === run ? `run ${run}${by}` : `what was edited by hand before run ${finder}`;
  const is = dryRun ? 'would be' : 'is';
  return `${to ? `${state} ${is} put back` : `${change} ${is} undone`}: ${tunnelsText(steps)}`;
}

function tunnelsText(steps: readonly { readonly interface: string; readonly spoke: string }[]): string {
  const byId = steps.toSorted((a, b) => idOf(a.interface) - idOf(b.interface));
  const names = [...new Set(byId.map(({ spoke, interface: name }) => `${spoke} ${name}`))];
  if (names.length <= NAMED_TUNNELS) return names.join(', ');
  return `${names.length} tunnels, ${formatInterfaceRanges(byId.map((step) => idOf(step.interface)))}`;
}
