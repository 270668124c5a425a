import { describe, expect, it, vi } from 'vitest';
import { askBecomePassword } from '../../src/commands/ask-become-password.js';
import type { SshTarget } from '../../src/inventory/inventory.js';
import { loadInventory } from '../../src/inventory/load-inventory.js';
import { makePlan } from '../../src/plan/make-plan.js';
import type { FleetPlan } from '../../src/plan/plan.js';

async function planOf(name: string): Promise<FleetPlan> {
  const loaded = await loadInventory(`test/inventory/cases/${name}/inventory.yaml`);
  if (!loaded.ok) expect.fail('the inventory is refused');
  return makePlan(loaded.inventory);
}

describe('--ask-become-pass', () => {
  it('asks once, for the targets of the inventory that become root and for no others', async () => {
    const plan = await planOf('accepted-become');
    const ask = vi.fn(async () => 'secret');
    const passwordOf = await askBecomePassword(plan, ask);
    const [defaulted, root] = plan.tunnels.map(({ ssh }) => ssh) as [SshTarget, SshTarget];
    expect([plan.hub.ssh, defaulted, root].map(passwordOf)).toEqual(['secret', 'secret', undefined]);
    expect(ask).toHaveBeenCalledOnce();
    // As --ssh says it of a spoke that has left the inventory.
    expect(passwordOf({ ...defaulted, isOfInventory: false })).toBeUndefined();
  });

  it('asks nobody when no host becomes root, nor without the option', async () => {
    const ask = vi.fn(async () => 'secret');
    await askBecomePassword(await planOf('accepted-complete'), ask);
    expect(ask).not.toHaveBeenCalled();
    const plan = await planOf('accepted-become');
    expect((await askBecomePassword(plan, undefined))(plan.hub.ssh)).toBeUndefined();
  });
});
