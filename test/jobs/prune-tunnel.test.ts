import { describe, expect, it, vi } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import type { HostFacts } from '../../src/host/host-facts.js';
import { pruneTunnel } from '../../src/jobs/prune-tunnel.js';
import type { Run } from '../../src/jobs/run.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { inventory, spoke } from '../render/fleet.js';
import { healthyFacts } from '../preflight/sample-facts.js';

const [osaka] = makePlan(inventory('2001:db8:ae00::/40', [spoke('osaka', 2)])).tunnels;
if (osaka === undefined) throw new Error('it is planned');

const FILE =
  '# Managed by vxfleet: tunnel vxlan02, hub end, spoke osaka. Edit the inventory.\nauto vxlan02\niface vxlan02 inet6 manual\n' +
  '  pre-up ip link add vxlan02 type vxlan id 2 remote 10.0.0.2\n';

/** A dry run whose spoke cannot be reached. */
function runOf(error: VxfleetError, facts: HostFacts): Run {
  const fleet = makePlan(inventory('2001:db8:ae00::/40', []));
  return {
    ...{ fleet, tunnels: fleet.tunnels, formerWays: new Map(), proven: new Set(), spokes: new Map() },
    hub: { host: 'hub', facts, session: vi.fn() },
    session: { identity: { run: 'r', operator: 'o', since: 's', command: 'c' }, windowSeconds: 60, writes: false },
    transport: {
      open: async () => {
        throw error;
      },
    },
    emit: vi.fn(),
  } as unknown as Run;
}

const facts = healthyFacts({ files: new Map([['vxlan02', FILE]]) });
const admit = async (): Promise<null> => null;

describe('--prune-unreachable', () => {
  it('removes the hub’s end alone when nobody answers, and says no more', async () => {
    const silent = new VxfleetError('connect', 'no answer', { host: 'osaka', isUnanswered: true });
    const [result] = await pruneTunnel(runOf(silent, facts), osaka, true, admit);
    expect(result).toMatchObject({ status: 'would_remove', ends: { hub: 'would_remove', spoke: 'unreachable' } });
    const [unasked] = await pruneTunnel(runOf(silent, facts), osaka, false, admit);
    expect(unasked).toMatchObject({
      status: 'unreachable',
      error: { hint: expect.stringContaining('--prune-unreachable') },
    });
  });

  it.each<[string, VxfleetError]>([
    ['a wrong key', new VxfleetError('auth', 'no', { host: 'osaka' })],
    ['a changed host key', new VxfleetError('host-key', 'no', { host: 'osaka' })],
    ['a busy sshd', new VxfleetError('connect', 'it closed the connection', { host: 'osaka' })],
    ['a jump host that is down', new VxfleetError('connect', 'the jump host gate cannot be passed')],
    ['a jump host that does not answer', new VxfleetError('connect', 'gate', { isUnanswered: true })],
  ])('leaves the tunnel alone for %s', async (_, error) => {
    const [result] = await pruneTunnel(runOf(error, facts), osaka, true, admit);
    expect(result).toMatchObject({ status: 'unreachable', ends: { hub: 'untouched' }, error: { hint: null } });
  });
});
