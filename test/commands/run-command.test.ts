import { expect, it, vi } from 'vitest';
import { workFromHub } from '../../src/commands/run-command.js';
import { untouchedResult } from '../../src/change/tunnel-result.js';
import { VxfleetError } from '../../src/errors.js';
import type { Run } from '../../src/jobs/run.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { inventory, spoke } from '../render/fleet.js';
import { healthyFacts } from '../preflight/sample-facts.js';

const { tunnels } = makePlan(inventory('2001:db8:ae00::/40', [spoke('tokyo', 1), spoke('osaka', 2)]));
const [tokyo, osaka] = tunnels;
if (tokyo === undefined || osaka === undefined) throw new Error('both are planned');

it.each<[string, unknown, object]>([
  [
    'a hub that is lost',
    new VxfleetError('lost', 'lost hub', { host: 'hub' }),
    { status: 'unreachable', ends: { hub: 'unreachable' }, error: { code: 'lost' } },
  ],
  ['a bug', new TypeError('x is not a function'), { status: 'failed', error: { code: 'internal' } }],
])('keeps what was done before %s, and fails the rest by it', async (_, thrown, rest) => {
  const emit = vi.fn();
  const close = vi.fn();
  const run = { hub: { facts: healthyFacts(), close }, emit } as unknown as Run;
  const removed = { ...untouchedResult(tokyo, 'unchanged', null), status: 'removed' } as const;
  const results = await workFromHub(run, vi.fn(), async (made) => ({
    // tokyo's old tunnel is removed, then it shall have another of the same name.
    tunnels: [tokyo, tokyo, osaka],
    work: async () => {
      made.emit({ event: 'tunnel', ...removed });
      throw thrown;
    },
  }));
  expect(results).toMatchObject([removed, { spoke: 'tokyo', ...rest }, { spoke: 'osaka', ...rest }]);
  const told = emit.mock.calls.filter(([event]) => (event as { event: string }).event === 'tunnel');
  expect(told).toHaveLength(3);
  expect(close).toHaveBeenCalledOnce();
});
