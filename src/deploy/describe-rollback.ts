/** What a rollback is about to do, as one sentence. */
import { formatInterfaceRanges } from '../diff/interface-ranges.js';
import { finderOf } from '../history/change-id.js';
import type { RollbackPlan } from '../history/plan-rollback.js';
import { idOf } from '../history/record.js';

/** More tunnels than these are not named one by one. */
const NAMED_TUNNELS = 8;

/** @param steps in the plan's order, with the names that the spokes have now @param to the state of a run is put back, and none undone */
export function describeRollback(
  { run, record }: RollbackPlan,
  steps: readonly { readonly interface: string; readonly spoke: string }[],
  to: boolean,
): string {
  const isFound = finderOf(run) !== run;
  const by = isFound || record === undefined ? '' : `, \`${record.command}\` of ${record.operator} at ${record.time}`;
  const what = to
    ? isFound
      ? `what run ${finderOf(run)} found is put back`
      : `the state of run ${run}${by}, is put back`
    : isFound
      ? `what was edited by hand before run ${finderOf(run)} is undone`
      : `run ${run}${by}, is undone`;
  return `${what}: ${tunnelsText(steps)}`;
}

function tunnelsText(steps: readonly { readonly interface: string; readonly spoke: string }[]): string {
  const byId = steps.toSorted((a, b) => idOf(a.interface) - idOf(b.interface));
  const names = [...new Set(byId.map(({ spoke, interface: name }) => `${spoke} ${name}`))];
  if (names.length <= NAMED_TUNNELS) return names.join(', ');
  return `${names.length} tunnels, ${formatInterfaceRanges(byId.map((step) => idOf(step.interface)))}`;
}
