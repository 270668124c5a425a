/** From the inventory file to the plan of the fleet and the tunnels that were selected. */
import type { Inventory } from '../inventory/inventory.js';
import { formatProblems } from '../inventory/format-problems.js';
import { loadInventory } from '../inventory/load-inventory.js';
import { makePlan } from '../plan/make-plan.js';
import type { FleetPlan } from '../plan/plan.js';
import { selectTunnels, type Selection } from '../plan/select-tunnels.js';
import { useColor, type CommonOptions } from './common-options.js';

export interface LoadedFleet extends Selection {
  readonly inventory: Inventory;
  readonly plan: FleetPlan;
}

/** The inventory's problems are on stderr already; the command ends with exit code 2. */
export const PROBLEMS_SHOWN = Symbol('the problems of the inventory were shown');

/** Throws usage for an unknown LIMIT. */
export async function loadFleet(
  options: CommonOptions,
  limits: readonly string[],
): Promise<LoadedFleet | typeof PROBLEMS_SHOWN> {
  const loaded = await loadInventory(options.inventory);
  if (!loaded.ok) {
    process.stderr.write(formatProblems(loaded.problems, { color: useColor(options, process.stderr) }));
    return PROBLEMS_SHOWN;
  }
  const plan = makePlan(loaded.inventory);
  return { inventory: loaded.inventory, plan, ...selectTunnels(plan, limits) };
}
