/** From the inventory file to the plan of the fleet and the tunnels that were selected. */
import type { Inventory } from '../inventory/inventory.js';
import { InventoryError } from '../inventory/inventory-error.js';
import { loadInventory } from '../inventory/load-inventory.js';
import { makePlan } from '../plan/make-plan.js';
import type { FleetPlan } from '../plan/plan.js';
import { selectTunnels, type Selection } from '../plan/select-tunnels.js';
import type { FormerWays } from '../jobs/former-spokes.js';
import type { CommonOptions } from './common-options.js';
import { readFormerWays, type FormerWay } from './former-ways.js';

export interface LoadedFleet extends Selection {
  readonly inventory: Inventory;
  readonly plan: FleetPlan;
  readonly formerWays: FormerWays;
}

/** Throws InventoryError for a bad file, usage for an unknown LIMIT or a way that the inventory says already. */
export async function loadFleet(
  options: CommonOptions,
  limits: readonly string[],
  ways: readonly FormerWay[] = [],
): Promise<LoadedFleet> {
  const inventory = await readInventory(options.inventory);
  const plan = makePlan(inventory);
  const formerWays = readFormerWays(ways, inventory);
  return { inventory, plan, formerWays, ...selectTunnels(plan, limits) };
}

/** Throws InventoryError for a bad file. */
export async function readInventory(path: string): Promise<Inventory> {
  const loaded = await loadInventory(path);
  if (!loaded.ok) throw new InventoryError(loaded.problems);
  return loaded.inventory;
}
