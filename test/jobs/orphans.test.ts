import { describe, expect, it } from 'vitest';
import { describeLeftover, findLeftovers, withoutTunnels } from '../../src/jobs/orphans.js';
import type { HostFacts } from '../../src/host/host-facts.js';
import type { KernelLink } from '../../src/verify/kernel-state.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { inventory, spoke } from '../render/fleet.js';
import { healthyFacts } from '../preflight/sample-facts.js';

const FLEET = makePlan(inventory('2001:db8:ae00::/40', [spoke('osaka', 2), spoke('tokyo', 5)]));
const TODAY = FLEET.tunnels.find((tunnel) => tunnel.spoke === 'tokyo');
if (TODAY === undefined) throw new Error('tokyo is planned');

const HUB = '198.18.0.1';
const fileOf = (name: string, owner: string, address = '2001:db8:ae00:0:1::2', remote = HUB): string =>
  `# Managed by vxfleet: tunnel ${name}, spoke ${owner}. Edit the inventory.\nauto ${name}\niface ${name} inet6 manual\n` +
  `  pre-up ip link add ${name} type vxlan id 1 remote ${remote}\n  address ${address}/80\n`;
const files = (...entries: readonly (readonly [string, string])[]): HostFacts =>
  healthyFacts({ files: new Map(entries) });

/** Of tokyo, as `interface hasFile`. */
const leftovers = (spokeFacts: HostFacts, hubFacts = healthyFacts()): string[] =>
  findLeftovers(spokeFacts, TODAY, FLEET, hubFacts).map(({ interface: name, hasFile }) => `${name} ${hasFile}`);

describe('findLeftovers', () => {
  it('are the files of ours that the spoke has beside its own', () => {
    const own = ['vxlan05', fileOf('vxlan05', 'tokyo', '2001:db8:ae00:0:5::2')] as const;
    expect(leftovers(files(own))).toEqual([]);
    expect(leftovers(files(own, ['vxlan01', fileOf('vxlan01', 'tokyo')]))).toEqual(['vxlan01 true']);
    // Under a name that it had then.
    expect(leftovers(files(['vxlan01', fileOf('vxlan01', 'kyoto')]))).toEqual(['vxlan01 true']);
    // The interface is another spoke's by now.
    expect(leftovers(files(['vxlan02', fileOf('vxlan02', 'tokyo')]))).toEqual(['vxlan02 true']);
  });

  it("are not another fleet's, nor anybody's that we do not know", () => {
    expect(leftovers(files(['vxlan01', fileOf('vxlan01', 'tokyo', '2001:db8:bb00:0:1::2')]))).toEqual([]);
    expect(leftovers(files(['vxlan01', '# by hand\nauto vxlan01\n']))).toEqual([]);
  });

  it("are not another spoke's: then it is another host", () => {
    expect(leftovers(files(['vxlan02', fileOf('vxlan02', 'osaka')]))).toEqual([]);
  });

  it('are not what the hub still has: that is named there, and goes with both its ends', () => {
    const atSpoke = files(['vxlan01', fileOf('vxlan01', 'tokyo')]);
    expect(leftovers(atSpoke, files(['vxlan01', fileOf('vxlan01', 'tokyo')]))).toEqual([]);
    // The hub's vxlan01 is a third one's.
    expect(leftovers(atSpoke, files(['vxlan01', fileOf('vxlan01', 'nara', undefined, '198.18.1.9')]))).toEqual([
      'vxlan01 true',
    ]);
  });

  it('are links without a file, too', () => {
    const link = {
      name: 'vxlan01',
      mac: '02:76:78:00:01:02',
      remote: HUB,
      addresses: [{ address: '2001:db8:ae01::1', length: 48 }],
    } as unknown as KernelLink;
    const facts = healthyFacts({ links: new Map([['vxlan01', link]]) });
    expect(leftovers(facts)).toEqual(['vxlan01 false']);
    const [found] = findLeftovers(facts, TODAY, FLEET, healthyFacts());
    expect(found && describeLeftover(found, 'tokyo')).toBe(
      'vxlan01 (to 198.18.0.1) on tokyo is an old tunnel of this fleet and runs without a file: ip link del dev vxlan01 removes it',
    );
  });
});

describe('withoutTunnels', () => {
  it('leaves nothing of them, and the rest as it is', () => {
    const facts = files(['vxlan01', 'one'], ['vxlan02', 'two']);
    expect([...withoutTunnels(facts, [{ interface: 'vxlan01' }]).files.keys()]).toEqual(['vxlan02']);
  });
});
