/** The fleet of these tests: one spoke `osaka`, id 10, vxlan0a. */
import type { Inventory, Spoke } from '../../src/inventory/inventory.js';
import { makePlan } from '../../src/plan/make-plan.js';
import type { FleetPlan, TunnelPlan } from '../../src/plan/plan.js';
import { inventory, spoke } from '../render/fleet.js';

export interface SamplePlan {
  readonly fleet: FleetPlan;
  readonly tunnel: TunnelPlan;
}

export function samplePlan(changes: Partial<Spoke> = {}, hub: Partial<Inventory['hub']> = {}): SamplePlan {
  const made = inventory('2001:db8:ae00::/40', [spoke('osaka', 10, changes)]);
  const fleet = makePlan({ ...made, hub: { ...made.hub, ...hub } });
  const [tunnel] = fleet.tunnels;
  if (tunnel === undefined) throw new Error('no tunnel was planned');
  return { fleet, tunnel };
}
