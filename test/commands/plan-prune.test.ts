import { describe, expect, it, vi } from 'vitest';
import { planPrune, type PruneFlags } from '../../src/commands/plan-prune.js';
import type { RunEvent } from '../../src/events.js';
import type { Run } from '../../src/jobs/run.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { inventory, spoke } from '../render/fleet.js';
import { healthyFacts } from '../preflight/sample-facts.js';

const PREFIX = '2001:db8:ae00::/40';
const WAY = {
  host: 'h',
  port: undefined,
  user: undefined,
  isOfInventory: false,
  identityFile: undefined,
  proxyJump: undefined,
};

/** A hub that has the tunnels 1 to `had`, for an inventory of the first `planned`. */
function runOf(had: number, planned: number, answer: boolean | undefined, writes = true) {
  const spokes = Array.from({ length: had }, (_, index) => spoke(`s${index + 1}`, index + 1));
  const files = makePlan(inventory(PREFIX, spokes)).tunnels.map(({ interface: name, ...one }) => [
    name,
    `# Managed by vxfleet: tunnel ${name}, hub end, spoke ${one.spoke}. Edit the inventory.\nauto ${name}\niface ${name} inet6 manual\n` +
      `  pre-up ip link add ${name} type vxlan id ${one.vni} remote ${one.spokeUnderlay.address}\n  address ${one.hubAddress}/80\n`,
  ]);
  const fleet = makePlan(inventory(PREFIX, spokes.slice(0, planned)));
  const events: RunEvent[] = [];
  const confirm = vi.fn(async (_question: string) => answer);
  const call = async () => ({ ok: true, reason: '', text: '', values: new Map() });
  const run = {
    fleet,
    tunnels: fleet.tunnels,
    hub: { host: 'hub', facts: healthyFacts({ files: new Map(files as [string, string][]) }), call },
    formerWays: new Map(spokes.map(({ name }) => [name, WAY])),
    session: { writes },
    emit: (event: RunEvent) => void events.push(event),
    confirm,
  } as unknown as Run;
  return { run, events, confirm };
}

const names = async (run: Run, flags: PruneFlags): Promise<string[]> =>
  (await planPrune(run, flags)).orphans.map((orphan) => orphan.spoke);

describe('--prune', () => {
  it('removes at most three, or a tenth of the fleet', async () => {
    expect(await names(runOf(5, 2, undefined).run, { prune: true })).toEqual(['s3', 's4', 's5']);
    await expect(names(runOf(5, 1, undefined).run, { prune: true })).rejects.toMatchObject({
      code: 'refused',
      message:
        'this would remove 4 tunnels, and --prune-max is 3: s2 (vxlan02), s3 (vxlan03), s4 (vxlan04), s5 (vxlan05)',
    });
    expect(await names(runOf(55, 50, undefined).run, { prune: true })).toHaveLength(5);
    await expect(names(runOf(56, 50, undefined).run, { prune: true })).rejects.toMatchObject({ code: 'refused' });
  });

  it('lets any number of sites have another id', async () => {
    const { run } = runOf(5, 1, undefined);
    const moved = Array.from({ length: 4 }, (_, index) => spoke(`s${index + 2}`, index + 102));
    const { tunnels } = makePlan(inventory(PREFIX, moved));
    expect(await names({ ...run, tunnels: [...run.tunnels, ...tunnels] }, { prune: true })).toHaveLength(4);
  });

  it('removes as many as --prune-max says', async () => {
    expect(await names(runOf(5, 1, undefined).run, { prune: true, pruneMax: () => 4 })).toHaveLength(4);
    await expect(names(runOf(2, 1, undefined).run, { prune: true, pruneMax: () => 0 })).rejects.toThrow(
      /--prune-max is 0/,
    );
  });

  it('shows all of them in a dry run, and says that they are too many', async () => {
    const { run, events } = runOf(5, 1, undefined, false);
    expect(await names(run, { prune: true })).toHaveLength(4);
    expect(events).toMatchObject([{ event: 'notice', message: expect.stringContaining('--prune-max is 3') }]);
  });

  it('asks the person at the terminal, who sees what would go', async () => {
    const { run, confirm } = runOf(3, 1, true);
    expect(await names(run, { prune: true })).toEqual(['s2', 's3']);
    expect(confirm.mock.calls).toEqual([
      ['Remove s2 (vxlan02), s3 (vxlan03), and at most 1 that only spokes still have?'],
    ]);
    await expect(names(runOf(3, 1, false).run, { prune: true })).rejects.toMatchObject({ code: 'interrupted' });
  });

  it.each<[string, PruneFlags, boolean]>([
    ['with --yes', { prune: true, yes: true }, true],
    ['in a dry run', { prune: true }, false],
    ['without it', {}, true],
  ])('asks nobody %s', async (_, flags, writes) => {
    const { run, confirm } = runOf(2, 1, false, writes);
    await names(run, flags);
    expect(confirm).not.toHaveBeenCalled();
  });

  it('leaves room for what is found on spokes only as far as its bound goes', async () => {
    const { mayPrune } = await planPrune(runOf(3, 1, undefined).run, { prune: true });
    expect([mayPrune(), mayPrune()]).toEqual([true, false]);
    expect((await planPrune(runOf(1, 1, undefined).run, {})).mayPrune()).toBe(false);
  });
});
