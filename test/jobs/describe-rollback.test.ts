import { describe, expect, it } from 'vitest';
import { describeRollback } from '../../src/jobs/describe-rollback.js';
import { planReturn, planUndo, type RollbackPlan } from '../../src/history/plan-rollback.js';
import { hubEnd as hub, record } from '../history/sample-records.js';

const [first, second, third] = [record(1), record(2), record(3)];

describe('describeRollback', () => {
  const textOf = (plan: RollbackPlan | undefined, to = false, dryRun = false): string =>
    plan === undefined ? '' : describeRollback(plan, plan.phases.flat(), { to, dryRun });

  it('says which run is undone, whose it was, when, and of which tunnels', () => {
    expect(textOf(planUndo([hub(2, second), hub(1, second)]))).toBe(
      'run run-2, `deploy tokyo` of alice@bastion at 2026-11-23T12:00:02Z, is undone: tokyo vxlan01, tokyo vxlan02',
    );
    expect(textOf(planReturn([hub(1, second, third)], 'run-2'), true)).toMatch(
      /^the state of run run-2, .* is put back/,
    );
  });

  it('says of a dry run what it would do', () => {
    expect(textOf(planUndo([hub(1, first)]), false, true)).toMatch(/^run run-1, .* would be undone: tokyo vxlan01$/);
  });

  it('says of an edit by hand that it was one', () => {
    const back = record(4, { restores: 'run-1', otherRestores: 'before-run-3' });
    expect(textOf(planUndo([hub(1, first, third, back)]))).toBe(
      'what was edited by hand before run run-3 is undone: tokyo vxlan01',
    );
  });

  it('counts the tunnels of a large run', () => {
    const many = Array.from({ length: 9 }, (_, index) => hub(index + 1, first));
    expect(textOf(planUndo(many))).toMatch(/: 9 tunnels, vxlan01-09$/);
  });
});
