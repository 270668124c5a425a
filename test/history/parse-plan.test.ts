import { expect, it } from 'vitest';
import { parsePlan } from '../../src/history/parse-plan.js';
import { loadInventory } from '../../src/inventory/load-inventory.js';
import { makePlan } from '../../src/plan/make-plan.js';

it.each(['accepted-become', 'accepted-proxy-jump', 'accepted-complete'])(
  'a kept plan is the plan but for the way to its spoke: %s',
  async (name) => {
    const loaded = await loadInventory(`test/inventory/cases/${name}/inventory.yaml`);
    if (!loaded.ok) expect.fail('the inventory is refused');
    for (const { ssh, ...plan } of makePlan(loaded.inventory).tunnels) {
      expect(parsePlan(plan.interface, JSON.stringify({ ...plan, ssh }))).toEqual(plan);
    }
  },
);
