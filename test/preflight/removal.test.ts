/** What is refused when a tunnel is to be taken away: whatever vxfleet did not make, or made for somebody else, or on another host. */
import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../src/host/host-facts.js';
import type { End } from '../../src/plan/plan.js';
import { refusalOf } from '../../src/preflight/refusal-of.js';
import type { Scene } from '../../src/preflight/scene.js';
import type { KernelLink } from '../../src/verify/kernel-state.js';
import { parseLinks } from '../../src/verify/kernel-state.js';
import { expectEnd } from '../../src/verify/expect-end.js';
import { kernelAnswer } from '../verify/kernel-answer.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { device, devicesOf, healthyFacts } from './sample-facts.js';

const { fleet, tunnel } = samplePlan();
const NAME = tunnel.interface;

const [LINK] = parseLinks(kernelAnswer(expectEnd(tunnel, 'spoke', 1500)).links);
const [HUB_LINK] = parseLinks(kernelAnswer(expectEnd(tunnel, 'hub', 1500)).links);
if (LINK === undefined || HUB_LINK === undefined) throw new Error('both ends have a link');

const fileOf = (end: End, owner = tunnel.spoke, remote = end === 'hub' ? '10.0.0.10' : '198.51.100.1', vni = '0x0a') =>
  new Map([
    [
      NAME,
      `# Managed by vxfleet: tunnel ${NAME}, ${end} end, spoke ${owner}. Edits are overwritten; see the inventory.\n` +
        `  pre-up exec ip link add ${NAME} address 02:76:78:00:0a:02 type vxlan id ${vni} local 10.0.0.10 remote ${remote}\n`,
    ],
  ]);
const linkOf = (changes: Partial<KernelLink> = {}): Partial<HostFacts> => ({
  links: new Map([[NAME, { ...LINK, ...changes }]]),
});

const removal = (facts: Partial<HostFacts>, scene: Partial<Scene> = {}, changes = true): string | undefined =>
  refusalOf(
    {
      facts: healthyFacts(facts),
      otherFacts: healthyFacts(),
      fleet: { ...fleet, tunnels: [] },
      tunnel,
      end: 'spoke',
      adopt: true,
      removes: true,
      ...scene,
    },
    { changes },
  )?.message;

describe('what is removed', () => {
  it('is what the record tells of, file and link, or the link alone', () => {
    expect(removal({ ...linkOf(), files: fileOf('spoke') })).toBeUndefined();
    expect(removal({ files: fileOf('spoke') })).toBeUndefined();
    expect(removal(linkOf())).toBeUndefined();
    const atHub = { links: new Map([[NAME, HUB_LINK]]), files: fileOf('hub') };
    expect(removal(atHub, { end: 'hub' })).toBeUndefined();
  });

  it.each<[string, Partial<HostFacts>, RegExp]>([
    ['a link that somebody else has made', linkOf({ mac: '52:54:00:00:00:09' }), /has the MAC .* did not make it/],
    [
      'another link beside our file',
      { ...linkOf({ mac: '52:54:00:00:00:09' }), files: fileOf('spoke') },
      /has the MAC/,
    ],
    ['a link of another VNI', linkOf({ vni: 777 }), /has the VNI 777, not 10/],
    [
      'a link that leads elsewhere',
      linkOf({ remote: '203.0.113.9' }),
      /leads to 203\.0\.113\.9, not to 198\.51\.100\.1/,
    ],
    [
      'a file that vxfleet did not write',
      { files: new Map([[NAME, 'iface vxlan0a\n']]) },
      /was not written by vxfleet/,
    ],
    ["another spoke's file", { files: fileOf('spoke', 'nara') }, /is the tunnel of nara/],
    ['a file of another VNI', { files: fileOf('spoke', 'osaka', '198.51.100.1', '777') }, /has the VNI 777, not 10/],
    ['a file that leads to another hub', { files: fileOf('spoke', 'osaka', '203.0.113.9') }, /leads to 203\.0\.113\.9/],
  ])('is not %s', (_, facts, why) => {
    expect(removal(facts)).toMatch(why);
    expect(removal(facts)).toContain('is not the tunnel that is to be removed');
  });

  it('may lead to the address that the hub has got since', () => {
    const moved = new Map([[NAME, { ...HUB_LINK, local: '203.0.113.9' }]]);
    expect(removal(linkOf({ remote: '203.0.113.9' }), { otherFacts: healthyFacts({ links: moved }) })).toBeUndefined();
  });

  it('has the MAC of a template of the user’s, if that says none of ours', () => {
    const files = new Map(
      [...fileOf('spoke')].map(([name, text]) => [name, text.replace(/address \S+ /, '')] as const),
    );
    expect(removal({ ...linkOf({ mac: '52:54:00:00:00:09' }), files })).toBeUndefined();
  });

  it('is known by what was made, whatever the spoke is called and wants by now', () => {
    const made = { ...tunnel, spoke: 'nara', vni: 777 };
    expect(
      removal({ ...linkOf({ vni: 777 }), files: fileOf('spoke', 'nara', undefined, '777') }, { made }),
    ).toBeUndefined();
  });
});

describe('an end of which nothing is there', () => {
  const absent = (facts: Partial<HostFacts>, scene: Partial<Scene> = {}) => removal(facts, scene, false);

  it('shows that nothing is left at the spoke, if that is where we are', () => {
    expect(absent({})).toBeUndefined();
    const elsewhere = devicesOf(device('eth0', { ipv4: [{ address: '10.0.0.77', length: 8 }] }));
    expect(absent({ devices: elsewhere })).toMatch(
      /10\.0\.0\.10 is not an address of it: it is not proven to be osaka/,
    );
    expect(absent({ devices: elsewhere, ...linkOf() })).toBeUndefined();
  });

  it('shows nothing at a host of another spoke, or at the hub', () => {
    const others = new Map(
      [...fileOf('spoke', 'kobe')].map(([, text]) => [
        'vxlan02',
        `${text.replaceAll(NAME, 'vxlan02')}  post-up exec ip -6 addr add 2001:db8:ae02::2/80 dev vxlan02\n`,
      ]),
    );
    const kobe = { ...tunnel, spoke: 'kobe', interface: 'vxlan02', id: 2 };
    expect(absent({ files: others }, { fleet: { ...fleet, tunnels: [kobe] } })).toMatch(/has vxlan02 of kobe/);
    const bootId = 'one boot';
    expect(absent({ bootId }, { otherFacts: healthyFacts({ bootId }) })).toMatch(/leads to the hub/);
  });

  it('shows nothing where nothing can be seen', () => {
    expect(absent({ uid: 1000 })).toMatch(/not root/);
    expect(absent({ ipFault: 'BusyBox' })).toMatch(/does not answer/);
  });
});
