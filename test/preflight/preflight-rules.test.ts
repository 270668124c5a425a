/** What is refused before anything is touched, rule by rule: the facts of a host, and what is said of them. */
import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../src/preflight/refusal-of.js';
import { refuseOneEnd } from '../../src/preflight/both-ends.js';
import { refuseTwin } from '../../src/preflight/right-host.js';
import type { Refusal, Scene } from '../../src/preflight/scene.js';
import type { HostFacts } from '../../src/host/host-facts.js';
import type { End } from '../../src/plan/plan.js';
import type { KernelRoute, KernelRule } from '../../src/verify/kernel-state.js';
import { parseLinks } from '../../src/verify/kernel-state.js';
import { expectEnd } from '../../src/verify/expect-end.js';
import { inventory, spoke, underlay } from '../render/fleet.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { kernelAnswer } from '../verify/kernel-answer.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { device, DEVICES, devicesOf, healthyFacts, interfacesOf, STOCK_INTERFACES, SYSCTLS } from './sample-facts.js';

const { fleet, tunnel } = samplePlan();
const policy = samplePlan({ mode: 'policy' }).tunnel;

const refusal = (end: End, facts: Partial<HostFacts>, scene: Partial<Scene> = {}): Refusal | undefined =>
  refusalOf({
    facts: healthyFacts(facts),
    otherFacts: healthyFacts(),
    fleet,
    tunnel,
    end,
    adopt: false,
    removes: false,
    ...scene,
  });
const words = (found: Refusal | undefined): string => (found === undefined ? '' : `${found.message} | ${found.hint}`);

const route = (destination: string, changes: Partial<KernelRoute> = {}): KernelRoute => ({
  destination,
  unreachable: false,
  gateway: undefined,
  device: 'up0',
  table: '254',
  metric: 1024,
  ...changes,
});
const rule = (json: Readonly<Record<string, unknown>>, changes: Partial<KernelRule> = {}): KernelRule => ({
  priority: 500,
  from: 'all',
  table: '101',
  suppressPrefixLength: undefined,
  hasMore: false,
  text: JSON.stringify(json),
  ...changes,
});
const network = (routes: readonly KernelRoute[], rules: readonly KernelRule[] = []): Partial<HostFacts> => ({
  network: {
    routes,
    rules: [...healthyFacts().network.rules, ...rules].toSorted((a, b) => a.priority - b.priority),
  },
});
const withSysctl = (name: string, value: string): Partial<HostFacts> => ({
  sysctls: new Map([...SYSCTLS, [name, value]]),
});
const ourFile = (end: End, name: string, text: string): string =>
  `# Managed by vxfleet: tunnel vxlan0a, ${end} end, spoke ${name}. Edits are overwritten; see the inventory.\n${text}`;

describe('the right host', () => {
  it('has the underlay address, on whichever device', () => {
    const moved = devicesOf(
      device('eth0', { ipv4: [{ address: '10.0.0.77', length: 8 }] }),
      device('lo', { ipv4: [{ address: '10.0.0.10', length: 32 }] }),
    );
    expect(refusal('spoke', { devices: moved })).toBeUndefined();
    const without = devicesOf(device('eth0', { ipv4: [{ address: '10.0.0.77', length: 8 }] }));
    expect(words(refusal('spoke', { devices: without }))).toMatch(
      /10\.0\.0\.10 is not an address of osaka: eth0 has 10\.0\.0\.77\/8 \| .*spokes\.osaka\.underlay\.address/,
    );
    expect(words(refusal('hub', { devices: devicesOf(device('enp1s0f0')) }))).toMatch(/the hub: enp1s0f0 has no IPv4/);
  });

  it('is led to by the device, in its own right', () => {
    const asked = { remote: '198.51.100.1', local: '10.0.0.10' };
    const ways = (bound: string | undefined, free: string | undefined) => ({
      ways: [
        { ...asked, device: 'eth0', by: bound, mtu: undefined },
        { ...asked, device: undefined, by: free, mtu: undefined },
      ],
    });
    expect(refusal('spoke', ways('eth0', 'eth0'))).toBeUndefined();
    // Another uplink is preferred, and this one leads there too.
    expect(refusal('spoke', ways('eth0', 'eth1'))).toBeUndefined();
    expect(words(refusal('spoke', ways(undefined, 'eth1')))).toMatch(/is by eth1, not by eth0 \| .*device: eth1/);
    const bridged = new Map([
      ...DEVICES,
      ['eth0', device('eth0', { master: 'vmbr0', ipv4: [{ address: '10.0.0.10', length: 8 }] })],
    ]);
    expect(words(refusal('spoke', { ...ways(undefined, 'vmbr0'), devices: bridged }))).toContain(
      'eth0 is part of vmbr0',
    );
    const [way] = ways('eth0', 'eth0').ways;
    const narrow = (mtu: number) => ({ ways: way === undefined ? [] : [{ ...way, mtu }] });
    expect(refusal('spoke', narrow(1500))).toBeUndefined();
    expect(words(refusal('spoke', narrow(1400)))).toMatch(
      /takes packets of 1400 bytes.* up to 1500.*vxlan\.mtu: 1350 for/s,
    );
    expect(words(refusal('spoke', ways(undefined, undefined)))).toMatch(/has no route to 198\.51\.100\.1/);
  });

  it('is not the hub, and not another spoke', () => {
    const bootId = 'one boot';
    expect(words(refusal('spoke', { bootId }, { otherFacts: healthyFacts({ bootId }) }))).toMatch(/leads to the hub/);
    // Containers of one machine have its boot, and addresses of their own.
    const container = devicesOf(
      device('eth0', { mac: '52:54:00:00:00:09', ipv4: [{ address: '10.0.0.10', length: 8 }] }),
    );
    expect(refusal('spoke', { bootId, devices: container }, { otherFacts: healthyFacts({ bootId }) })).toBeUndefined();

    const spokes = new Map<string, string>();
    const facts = healthyFacts({ bootId });
    expect(refuseTwin(spokes, tunnel, facts)).toBeUndefined();
    expect(refuseTwin(spokes, tunnel, facts)).toBeUndefined();
    expect(words(refuseTwin(spokes, { ...tunnel, spoke: 'kyoto' }, facts))).toMatch(/same host as SSH to osaka/);
    expect(refuseTwin(spokes, { ...tunnel, spoke: 'kyoto' }, healthyFacts())).toBeUndefined();
  });

  it("does not have another spoke's tunnel, unless the sites are to change places", () => {
    const both = makePlan({ ...inventory('2001:db8:ae00::/40', [spoke('osaka', 10), spoke('tokyo', 1)]) });
    const text =
      '# Managed by vxfleet: tunnel vxlan01, spoke end, spoke tokyo.\niface x\n  address 2001:db8:ae00:0:1::2/80\n';
    const facts = { files: new Map([['vxlan01', text]]) };
    expect(words(refusal('spoke', facts, { fleet: both }))).toMatch(
      /SSH to osaka \(10\.0\.0\.10\) leads to tokyo: .*vxlan01/,
    );
    expect(refusal('spoke', facts, { fleet: both, adopt: true })).toBeUndefined();
    // A spoke that got a new id, or a new name, still is who it was.
    const own = { files: new Map([['vxlan01', text.replace('spoke tokyo', 'spoke osaka')]]) };
    expect(refusal('spoke', own, { fleet: both })).toBeUndefined();
    const former = { files: new Map([['vxlan01', text.replace('spoke tokyo', 'spoke nara')]]) };
    expect(refusal('spoke', former, { fleet: both })).toBeUndefined();
  });
});

describe('a kernel that could not', () => {
  it.each<[string, Partial<HostFacts>, RegExp]>([
    ['has IPv6 off', withSysctl('net.ipv6.conf.default.disable_ipv6', '1'), /default\.disable_ipv6 = 1 \| sysctl -w/],
    ['has no IPv6', { sysctls: new Map() }, /has no IPv6 \| .*ipv6\.disable=1/],
    ['answers no ping', withSysctl('net.ipv6.icmp.echo_ignore_all', '1'), /echo_ignore_all = 1/],
    ['makes no VXLAN', { vxlanAnswer: 'Error: Unknown device type.' }, /makes no VXLAN: .* \| .*Reboot/],
    ['has the port taken', { udpPorts: new Set([4789]) }, /UDP port 4789 is taken .* \| .*vxlan\.dstport/],
    [
      'has the port for another kind',
      {
        devices: new Map([
          ...DEVICES,
          ['vx0', device('vx0', { kind: 'vxlan', vxlan: { port: 4789, extras: ['external'] } })],
        ]),
      },
      /vx0 has UDP port 4789 .*external/,
    ],
    [
      'has the name for something else',
      { devices: new Map([...DEVICES, ['vxlan0a', device('vxlan0a', { kind: 'bridge' })]]) },
      /vxlan0a on the hub is no VXLAN but bridge/,
    ],
    [
      'has the name for something else besides',
      { devices: new Map([...DEVICES, ['eth9', device('eth9', { altnames: ['vxlan0a'] })]]) },
      /eth9, which is also called vxlan0a, is no VXLAN but hardware: .* \| .*altname/,
    ],
    [
      'has a file that stays',
      { fixedFiles: ['/etc/network/interfaces.d/vxlan0a'] },
      /vxlan0a cannot be replaced \| .*chattr -i/,
    ],
  ])('%s', (_what, facts, expected) => {
    expect(words(refusal('hub', facts))).toMatch(expected);
  });

  it('shares a port with VXLANs of its kind, and other ports with anybody', () => {
    const devices = new Map([...DEVICES, ['vx0', device('vx0', { kind: 'vxlan', vxlan: { port: 4789, extras: [] } })]]);
    expect(refusal('hub', { devices, udpPorts: new Set([4789]) })).toBeUndefined();
    expect(refusal('hub', { udpPorts: new Set([53, 4790]) })).toBeUndefined();
  });
});

describe('what a reboot would not bring back', () => {
  const mv0 = (changes = {}) =>
    new Map([
      ...DEVICES,
      ['eth0', device('eth0', { kind: 'macvlan', ipv4: [{ address: '10.0.0.10', length: 8 }], ...changes })],
    ]);
  const hardware = new Set(['enp1s0f0']);
  const read = (files: Readonly<Record<string, string>>) => interfacesOf(files);
  const MAKES = 'auto eth0\niface eth0 inet manual\n  pre-up ip link add eth0 type dummy\n';

  it.each<[string, Record<string, string>, RegExp | undefined]>([
    [
      'nothing makes the device',
      { '/etc/network/interfaces': STOCK_INTERFACES },
      /nothing that ifupdown reads brings up eth0.*\| .*spokes\.osaka\.underlay\.hotplug: true/,
    ],
    [
      'its stanza comes later',
      { '/etc/network/interfaces': `${STOCK_INTERFACES}${MAKES}` },
      /line 5 makes eth0 after .*\| Move the line/,
    ],
    [
      'its file sorts later',
      { '/etc/network/interfaces': STOCK_INTERFACES, '/etc/network/interfaces.d/zz': MAKES },
      /zz line 1 makes eth0 after .*\| Rename/,
    ],
    ['its stanza comes before', { '/etc/network/interfaces': `${MAKES}${STOCK_INTERFACES}` }, undefined],
    [
      'its file sorts before',
      { '/etc/network/interfaces': STOCK_INTERFACES, '/etc/network/interfaces.d/a': MAKES },
      undefined,
    ],
    [
      'its stanza does not make it',
      { '/etc/network/interfaces': `auto eth0\niface eth0 inet dhcp\n${STOCK_INTERFACES}` },
      /does not make it/,
    ],
    [
      'its stanza dials',
      { '/etc/network/interfaces': `auto eth0\niface eth0 inet ppp\n  provider isp\n${STOCK_INTERFACES}` },
      /does not make it/,
    ],
    [
      'its stanza is a bridge',
      { '/etc/network/interfaces': `auto eth0\niface eth0 inet dhcp\n  bridge_ports none\n${STOCK_INTERFACES}` },
      undefined,
    ],
    [
      'it is hotplugged',
      { '/etc/network/interfaces': `allow-hotplug eth0\niface eth0 inet manual\n${STOCK_INTERFACES}` },
      /nothing that ifupdown reads/,
    ],
  ])('%s', (_what, files, expected) => {
    const found = words(refusal('spoke', { devices: mv0(), hardware, interfaces: read(files) }));
    if (expected === undefined) expect(found).toBe('');
    else expect(found).toMatch(expected);
  });

  it('is not said of a container, whose device another namespace has made', () => {
    const interfaces = read({ '/etc/network/interfaces': `${STOCK_INTERFACES}auto eth0\niface eth0 inet manual\n` });
    expect(
      refusal('spoke', { devices: mv0({ kind: 'veth', isFromOutside: true }), hardware, interfaces }),
    ).toBeUndefined();
  });

  it('is an MTU above the usual that something later sets, or nothing', () => {
    const jumbo = (text: string) =>
      words(
        refusal(
          'spoke',
          {
            devices: new Map([
              ...DEVICES,
              ['eth0', device('eth0', { mtu: 9000, ipv4: [{ address: '10.0.0.10', length: 8 }] })],
            ]),
            interfaces: read({ '/etc/network/interfaces': text }),
          },
          { tunnel: samplePlan({ mtu: 8950 }).tunnel },
        ),
      );
    const sets = 'auto eth0\niface eth0 inet static\n  address 10.0.0.10/8\n  mtu 9000\n';
    expect(jumbo(`${sets}${STOCK_INTERFACES}`)).toBe('');
    expect(jumbo(`auto eth0\niface eth0 inet dhcp\n${STOCK_INTERFACES}`)).toBe('');
    expect(jumbo(`${STOCK_INTERFACES}${sets}`)).toMatch(
      /sets the MTU of eth0, and not before .*\| Set vxlan\.mtu: 1450/,
    );
    expect(jumbo(`allow-hotplug eth0\niface eth0 inet dhcp\n${STOCK_INTERFACES}`)).toMatch(/and not before/);
    expect(jumbo(STOCK_INTERFACES)).toMatch(/nothing that ifupdown reads sets the MTU/);
  });
});

describe('routes and rules', () => {
  it("at the hub: a rule that takes the fleet's packets is named with its route and the cure", () => {
    const from = rule({ src: '2001:db8:ae00::', srclen: 40 }, { from: '2001:db8:ae00::/40' });
    const facts = network([route('default', { table: '101' })], [from]);
    expect(words(refusal('hub', facts))).toMatch(
      /packets from 2001:db8:ae00:0:a::1 to 2001:db8:ae00:0:a::2 would go by up0 .*: rule 500: from 2001:db8:ae00::\/40 lookup 101, route default dev up0 table 101 metric 1024 \| .*pref 499 to 2001:db8:ae00::\/40 lookup main/,
    );
    // What the cure says, done.
    const cure = rule({ dst: '2001:db8:ae00::', dstlen: 40 }, { priority: 499, table: '254', hasMore: true });
    expect(refusal('hub', network([route('default', { table: '101' })], [cure, from]))).toBeUndefined();
  });

  it.each<[string, KernelRule]>([
    ['with a mark', rule({ fwmark: '0x1' })],
    ['of a device', rule({ iif: 'eth0' })],
    ['for somebody else', rule({}, { from: '2001:db9::/32' })],
    ['whose table says nothing', rule({}, { table: '7' })],
    ['whose answer is suppressed', rule({}, { suppressPrefixLength: 0 })],
    ['that jumps over it', rule({ goto: 600 }, { priority: 400 })],
    ['that is not for us', rule({ not: null, dst: '2001:db8::', dstlen: 32 })],
  ])('are left alone: a rule %s', (_what, one) => {
    const takes = one.priority === 400 ? [rule({})] : [];
    expect(refusal('hub', network([route('default', { table: '101' })], [one, ...takes]))).toBeUndefined();
  });

  it('a rule that says no is named as one', () => {
    expect(words(refusal('spoke', network([], [rule({ action: '8' })])))).toMatch(
      /would go nowhere .*rule 500: from all prohibit/,
    );
  });

  it.each(['gateway', 'policy'] as const)('a route that covers the fleet defeats %s mode, and is named', (mode) => {
    const plan = mode === 'policy' ? policy : tunnel;
    expect(words(refusal('spoke', network([route('2000::/3')]), { tunnel: plan }))).toMatch(
      /route 2000::\/3 dev up0 metric 1024 \| .*2000::\/3/,
    );
    expect(
      refusal('spoke', network([route('2001:db9::/32'), route('default', { metric: 100 })]), { tunnel: plan }),
    ).toBe(undefined);
  });

  it.each([
    ['the first site', 1],
    ['the last site', 255],
  ])('%s has no other site within its own prefix', (_title, id) => {
    const { tunnel: plan } = samplePlan({ id, mode: 'policy' });
    expect(refusal('spoke', network([]), { tunnel: plan })).toBeUndefined();
  });

  it('what an old tunnel of the host keeps unreachable goes with it', () => {
    const facts = network([route('2001:db8:ae09::/48', { unreachable: true, device: undefined })]);
    expect(refusal('spoke', facts, { tunnel: policy })).toBeUndefined();
    expect(refusal('spoke', facts)).toBeUndefined();
  });

  it("another default route of the tunnel's metric would be replaced, in gateway mode alone", () => {
    const facts = network([route('default', { metric: 512, gateway: 'fe80::1' }), route('default', { metric: 513 })]);
    expect(words(refusal('spoke', facts))).toMatch(/default via fe80::1 dev up0 metric 512 \| .*metric: 514 for osaka/);
    expect(refusal('spoke', facts, { tunnel: policy })).toBeUndefined();
    expect(refusal('hub', facts)).toBeUndefined();
    expect(refusal('spoke', network([route('default', { metric: 512, device: 'vxlan0a' })]))).toBeUndefined();
  });

  it("a prefix of the tunnel's that the hub has elsewhere would be replaced", () => {
    const facts = network([route('2001:db8:ae0a::/48', { metric: 20 })]);
    expect(words(refusal('hub', facts))).toMatch(
      /2001:db8:ae0a::\/48 is the tunnel's, and has a route already: .*dev up0 metric 20/,
    );
    expect(refusal('hub', network([route('2001:db8:ae00::/40', { metric: 20, unreachable: true })]))).toBeUndefined();
    // A LAN behind the spoke may have its /64.
    expect(refusal('spoke', network([route(tunnel.prefix64, { metric: 256 })]))).toBeUndefined();
  });

  it('rules of the running file are ours, whatever the prefix is now; a table of ours is ours alone', () => {
    const from = '2001:db8:7700:a::/64';
    const old = [
      rule({ src: '2001:db8:7700:a::' }, { priority: policy.priority, from, table: '254', suppressPrefixLength: 0 }),
      rule({ src: '2001:db8:7700:a::' }, { priority: policy.priority + 1, from, table: '30010' }),
    ];
    const text = ourFile(
      'spoke',
      'osaka',
      `  pre-up ip -6 rule add pref ${policy.priority} from ${from} lookup main suppress_prefixlength 0\n  pre-up ip -6 rule add pref ${policy.priority + 1} from ${from} lookup 30010\n`,
    );
    const scene = { tunnel: policy };
    expect(refusal('spoke', { ...network([], old), files: new Map([['vxlan0a', text]]) }, scene)).toBeUndefined();
    expect(words(refusal('spoke', network([], old), scene))).toContain('a rule that is not ours has priority');
    expect(words(refusal('spoke', network([route('default', { table: '30010' })]), scene))).toMatch(
      /table 30010 has a route/,
    );
  });
});

describe('a tunnel of another fleet', () => {
  const hubFile = (name: string, address: string, remote: string): Partial<HostFacts> => ({
    files: new Map([
      [
        'vxlan0a',
        ourFile(
          'hub',
          name,
          `  address ${address}/80\n  pre-up ip link add local 198.51.100.1 remote ${remote} dev x\n`,
        ),
      ],
    ]),
  });
  it('is known at the hub by its prefix; renumbering is no such thing', () => {
    expect(refusal('hub', hubFile('osaka', '2001:db8:77ff::1', '10.0.0.10'))).toBeUndefined();
    for (const facts of [
      hubFile('osaka', '2001:db8:77ff::1', '10.0.0.99'),
      hubFile('nara', '2001:db8:77ff::1', '10.0.0.10'),
    ]) {
      expect(words(refusal('hub', facts))).toMatch(
        /is of another fleet: it has 2001:db8:77ff::1, outside of 2001:db8:ae00::\/40.*--adopt/,
      );
      expect(refusal('hub', facts, { adopt: true })).toBeUndefined();
    }
  });

  it('is none of another fleet if the spoke has its other end, whatever the inventory says of the site now', () => {
    const spokeFile = (name: string, address: string): HostFacts =>
      healthyFacts({ files: new Map([['vxlan0a', ourFile('spoke', name, `  address ${address}/80\n`)]]) });
    const found = hubFile('osaka', '2001:db8:77ff:0:a::1', '10.0.0.99');
    const answer = (otherFacts: HostFacts) => words(refusal('hub', found, { otherFacts }));
    expect(answer(spokeFile('osaka', '2001:db8:77ff:0:a::2'))).toBe('');
    expect(answer(spokeFile('osaka', '2001:db8:7700:0:a::2'))).toContain('is of another fleet');
    expect(answer(spokeFile('kobe', '2001:db8:77ff:0:a::2'))).toContain('is of another fleet');
  });

  it('is known at a spoke by its hub; a hub with a new address is no such thing', () => {
    const spokeFile = (remote: string) => ({
      files: new Map([
        [
          'vxlan0a',
          ourFile(
            'spoke',
            'osaka',
            `  address 2001:db8:ae00:0:a::2/80\n  pre-up ip link add local 10.0.0.10 remote ${remote} dev x\n`,
          ),
        ],
      ]),
    });
    expect(refusal('spoke', spokeFile('198.51.100.1'))).toBeUndefined();
    expect(words(refusal('spoke', spokeFile('192.0.2.77')))).toMatch(
      /leads to another hub, 192\.0\.2\.77, and not to 198\.51\.100\.1 .*--adopt/,
    );
    expect(refusal('spoke', spokeFile('192.0.2.77'), { adopt: true })).toBeUndefined();
    const pair = healthyFacts(hubFile('osaka', '2001:db8:ae00:0:a::1', '10.0.0.10'));
    expect(refusal('spoke', spokeFile('192.0.2.77'), { otherFacts: pair })).toBeUndefined();
  });
});

describe('the way in', () => {
  const on = (address: string) => ({
    sshServerAddress: address,
    sshDevice: 'vxlan0a',
    devices: new Map([...DEVICES, ['vxlan0a', device('vxlan0a', { kind: 'vxlan', ipv6: [{ address, length: 80 }] })]]),
  });
  it('may be the tunnel, unless the change takes its address away', () => {
    expect(refusal('spoke', on(tunnel.spokeAddress80))).toBeUndefined();
    expect(words(refusal('spoke', on('2001:db8:7700:0:a::2')))).toMatch(
      /SSH to osaka comes to 2001:db8:7700:0:a::2 on vxlan0a/,
    );
    expect(words(refusal('spoke', on(tunnel.spokeAddress80), { removes: true }))).toMatch(/takes away/);
  });
});

describe('a change of one end alone', () => {
  const links = (plan = tunnel): Partial<HostFacts> => {
    const found = parseLinks(kernelAnswer(expectEnd(plan, 'spoke', 1500)).links);
    return { links: new Map(found.map((link) => [link.name, link])) };
  };
  const ofHub = (spokeFacts: Partial<HostFacts>, plan = tunnel, mtu = 1450) =>
    words(refuseOneEnd(plan, ['hub'], { hub: healthyFacts(), spoke: healthyFacts(spokeFacts) }, mtu));

  it('is possible where the other end is as it has to be', () => {
    expect(ofHub(links())).toBe('');
    expect(words(refuseOneEnd(tunnel, ['hub', 'spoke'], { hub: healthyFacts(), spoke: healthyFacts() }, 1450))).toBe(
      '',
    );
  });

  it.each([
    ['dstport', samplePlan({ dstport: 4790 }).tunnel, /has dstport 4789 and not 4790/],
    ['vni', samplePlan({ vni: 77 }).tunnel, /has vni 10 and not 77/],
    [
      'address',
      samplePlan({ underlay: underlay('10.0.0.11', 'eth0') }).tunnel,
      /has local 10\.0\.0\.10 and not 10\.0\.0\.11/,
    ],
    [
      'hub',
      samplePlan({}, { underlay: underlay('198.51.100.9', 'enp1s0f0') }).tunnel,
      /has remote 198\.51\.100\.1 and not 198\.51\.100\.9/,
    ],
  ])('is refused when both must share it: %s', (_what, plan, expected) => {
    expect(ofHub(links(), plan)).toMatch(expected);
    expect(ofHub(links(), plan)).toContain('vxfleet deploy osaka changes both ends together');
  });

  it('is refused for an MTU, a prefix and a tunnel that is not there', () => {
    expect(ofHub(links(), tunnel, 1400)).toMatch(/has mtu 1450 and not 1400/);
    expect(ofHub(links(), { ...tunnel, spokeAddress80: '2001:db8:7700:0:a::2' })).toMatch(
      /has no address 2001:db8:7700:0:a::2\/80/,
    );
    expect(ofHub({})).toMatch(/osaka has no vxlan0a/);
  });
});
