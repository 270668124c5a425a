import { chooseRollback } from '../../src/history/choose-rollback.js';
import { planReturn, planUndo } from '../../src/history/plan-rollback.js';
import type { EndHistory } from '../../src/history/record.js';

/** Every way back that a history offers. Throws refused. */
export function chooseChanges(end: EndHistory): void {
  const plan = planUndo([end]);
  for (const step of plan?.phases.flat() ?? []) chooseRollback({ hub: end, spoke: end }, step.request);
  for (const { run } of end.records) planReturn([end], run);
}
