import { describe, expect, it } from 'vitest';
import { findTakenAway, joinMoves, type SiteStep } from '../../src/jobs/rollback-sites.js';
import { makePlan } from '../../src/plan/make-plan.js';
import type { TunnelPlan } from '../../src/plan/plan.js';
import { inventory, spoke } from '../render/fleet.js';

const tunnelsOf = (spokes: readonly (readonly [string, number])[]): readonly TunnelPlan[] =>
  makePlan(
    inventory(
      '2001:db8:ae00::/40',
      spokes.map(([name, id]) => spoke(name, id)),
    ),
  ).tunnels;

const fileOf = (name: string, owner: string): [string, string] => [
  name,
  `# Managed by vxfleet: tunnel ${name}, spoke ${owner}. Edit the inventory.\n`,
];

const stepOf = (plan: TunnelPlan, removes: boolean): SiteStep => ({
  interface: plan.interface,
  spoke: plan.spoke,
  request: { undo: 'run-1.1' },
  records: [],
  removes,
  plan,
});

/** The names of the interfaces that leave a spoke without a tunnel. */
const taken = (
  tunnels: readonly TunnelPlan[],
  files: readonly [string, string][],
  steps: readonly SiteStep[],
  former: readonly TunnelPlan[] = [],
): string[] =>
  findTakenAway(tunnels, [...tunnels, ...former], { files: new Map(files) }, steps).map((step) => step.interface);

describe('findTakenAway', () => {
  const fleet = tunnelsOf([
    ['tokyo', 1],
    ['osaka', 2],
  ]);
  const [tokyo, osaka] = fleet;
  if (tokyo === undefined || osaka === undefined) throw new Error('both are planned');
  const files = [fileOf('vxlan01', 'tokyo'), fileOf('vxlan02', 'osaka')];

  it('is a spoke of the inventory whose only tunnel goes', () => {
    expect(taken(fleet, files, [stepOf(tokyo, true), stepOf(osaka, false)])).toEqual(['vxlan01']);
  });

  it('is none that has no tunnel any more', () => {
    expect(taken(fleet, [], [stepOf(tokyo, true)])).toEqual([]);
  });

  it('is none that has left the inventory', () => {
    expect(taken([osaka], files, [stepOf(tokyo, true)], [tokyo])).toEqual([]);
  });

  it('is none that gets its old tunnel back, or another one', () => {
    const [moved] = tunnelsOf([['tokyo', 5]]);
    if (moved === undefined) throw new Error('it is planned');
    const back = [stepOf(moved, true), stepOf(tokyo, false)];
    expect(taken([moved, osaka], [fileOf('vxlan05', 'tokyo')], back, [tokyo])).toEqual([]);
    const swapped = [fileOf('vxlan01', 'osaka'), fileOf('vxlan02', 'tokyo')];
    const [osaka1, tokyo2] = tunnelsOf([
      ['osaka', 1],
      ['tokyo', 2],
    ]);
    if (osaka1 === undefined || tokyo2 === undefined) throw new Error('both are planned');
    const removals = [stepOf(osaka1, true), stepOf(tokyo2, true)];
    expect(taken(fleet, swapped, [...removals, stepOf(tokyo, false), stepOf(osaka, false)])).toEqual([]);
    expect(taken(fleet, swapped, removals)).toEqual(['vxlan01', 'vxlan02']);
  });
});

describe('joinMoves', () => {
  const planOf = (name: string, id: number): TunnelPlan => {
    const [plan] = tunnelsOf([[name, id]]);
    if (plan === undefined) throw new Error('it is planned');
    return plan;
  };
  const names = (phases: readonly (readonly SiteStep[])[]): string[][] =>
    joinMoves(phases).map((phase) =>
      phase.map(({ steps }) => steps.map(({ removes, interface: name }) => `${removes ? '-' : '+'}${name}`).join(' ')),
    );
  const minus = (name: string, id: number): SiteStep => stepOf(planOf(name, id), true);
  const plus = (name: string, id: number): SiteStep => stepOf(planOf(name, id), false);

  it('takes a site from one tunnel to its other one together', () => {
    expect(names([[minus('tokyo', 5)], [plus('tokyo', 1)]])).toEqual([['-vxlan05 +vxlan01']]);
    expect(names([[minus('tokyo', 5), minus('osaka', 6)], [plus('tokyo', 1)]])).toEqual([
      ['-vxlan06'],
      ['-vxlan05 +vxlan01'],
    ]);
  });

  it('leaves apart what sites have exchanged', () => {
    const removals = [minus('tokyo', 2), minus('osaka', 1)];
    expect(names([removals, [plus('tokyo', 1), plus('osaka', 2)]])).toEqual([
      ['-vxlan02', '-vxlan01'],
      ['+vxlan01', '+vxlan02'],
    ]);
  });

  it('leaves the others as they are', () => {
    expect(names([[minus('tokyo', 1)], [plus('osaka', 2)]])).toEqual([['-vxlan01'], ['+vxlan02']]);
  });
});
