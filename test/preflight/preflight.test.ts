import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../src/preflight/refusal-of.js';
import type { HostFacts, OpenTrial } from '../../src/host/host-facts.js';
import type { End, TunnelPlan } from '../../src/plan/plan.js';
import type { KernelLink } from '../../src/verify/kernel-state.js';
import { parseLinks } from '../../src/verify/kernel-state.js';
import { expectEnd } from '../../src/verify/expect-end.js';
import { kernelAnswer } from '../verify/kernel-answer.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { DEVICES, devicesOf, healthyFacts, interfacesOf, STOCK_INTERFACES } from './sample-facts.js';

const { fleet, tunnel } = samplePlan();
const LIVE = '/etc/network/interfaces.d/vxlan0a';
const OURS = '# Managed by vxfleet: tunnel vxlan0a, hub end, spoke osaka. Edits are overwritten; see the inventory.\n';

const linkOf = (changes: Partial<KernelLink>): HostFacts['links'] => {
  const [link] = parseLinks(kernelAnswer(expectEnd(tunnel, 'hub', 1500)).links);
  if (link === undefined) throw new Error('no link');
  const changed = { ...link, ...changes };
  return new Map([[changed.name, changed]]);
};
const withMtu = (mtu: number): Partial<HostFacts> => ({
  devices: new Map([...DEVICES].map(([name, one]) => [name, { ...one, mtu }])),
});
const WITHOUT_DEVICES = { devices: devicesOf() };
const definedIn = (file: string, text: string): Partial<HostFacts> => ({
  interfaces: interfacesOf({ '/etc/network/interfaces': STOCK_INTERFACES, [file]: text }),
});
const refusal = (
  facts: Partial<HostFacts>,
  end: End = 'hub',
  adopt = false,
  {
    plan = tunnel,
    removes = false,
    other = {},
  }: Partial<{ plan: TunnelPlan; removes: boolean; other: Partial<HostFacts> }> = {},
) =>
  refusalOf({
    facts: healthyFacts(facts),
    otherFacts: healthyFacts(other),
    fleet,
    tunnel: plan,
    end,
    adopt,
    removes,
  });

const TRIAL: OpenTrial = {
  state: 'armed',
  run: 'run-z',
  secondsLeft: 17,
  holder: 'session',
  operator: 'alice@bastion',
  from: '198.18.0.9',
  since: '2026-11-23T12:00:00Z',
  command: 'deploy tokyo',
};

describe('a host that is fit for the change', () => {
  it.each<[string, Partial<HostFacts>]>([
    ['with nothing on it yet', {}],
    ['with the tunnel up and our file', { files: new Map([['vxlan0a', OURS]]), links: linkOf({}) }],
    ['with our own stanza in its place', definedIn(LIVE, 'auto vxlan0a\niface vxlan0a inet6 manual\n')],
    ['with another tunnel on the same VNI but another port', { links: linkOf({ name: 'vxlan99', dstport: 8472 }) }],
    ['with another tunnel on the same port', { links: linkOf({ name: 'vxlan99', vni: 99 }) }],
    ['with foreign stanzas of other interfaces', definedIn(`${LIVE}b`, 'iface vxlan99 inet6 manual\n')],
    ['with a file of another tunnel that cannot be opened', { unreadableFiles: [`${LIVE.slice(0, -2)}99`] }],
    ['with a trial of another tunnel', { trials: new Map([['vxlan99', TRIAL]]) }],
    ['with an ifupdown of Debian 13', { ifupdown: 'ifup version 0.8.44+deb13u1' }],
    ['with ifupdown2', { ifupdown: 'ifupdown2' }],
    ['whose underlay just fits IPv6', withMtu(1330)],
    ['whose SSH is not over a network', { sshServerAddress: undefined, sshDevice: undefined }],
    ['whose SSH is IPv6, outside of the fleet', { sshServerAddress: '2001:db8:b000:1::1' }],
    ['whose SSH goes through the tunnel', { sshServerAddress: '2001:db8:ae0a::1', sshDevice: 'vxlan0a' }],
  ])('is not refused: %s', (_title, facts) => {
    expect(refusal(facts, 'hub')).toBeUndefined();
    expect(refusal(facts, 'spoke')).toBeUndefined();
  });

  it('need not forward when it is a spoke', () => {
    expect(refusal({ forwards: false }, 'spoke')).toBeUndefined();
  });

  it('may have a file of another hand when it is to be adopted', () => {
    expect(refusal({ files: new Map([['vxlan0a', 'auto vxlan0a\n']]) }, 'hub', true)).toBeUndefined();
  });
});

describe('a host that is not', () => {
  it.each<[string, Partial<HostFacts>, string, RegExp, RegExp]>([
    ['the login is not root', { uid: 1000 }, 'ssh', /uid 1000/, /ssh\.user/],
    ['programs are missing', { missingPrograms: ['ip', 'sync'] }, 'implementation', /ip, sync/, /apt-get install/],
    [
      '/sys is missing',
      { missingPrograms: ['ip', '/sys'] },
      'implementation',
      /^\/sys is not mounted/,
      /mount -t sysfs/,
    ],
    [
      'ip is another',
      { ipFault: 'BusyBox v1.35.0 (x)' },
      'implementation',
      /ip does not .*: BusyBox/,
      /iproute2 5\.10/,
    ],
    ['root is not all', { canChangeNetwork: false }, 'implementation', /no CAP_NET_ADMIN/, /container/],
    ['root may not ask', { canOpenRawSockets: false }, 'implementation', /no CAP_NET_RAW/, /container/],
    [
      'interfaces cannot be opened',
      { unreadableFiles: ['/etc/network/interfaces'], interfaces: interfacesOf({}) },
      'file',
      /^\/etc\/network\/interfaces cannot be opened/,
      /AppArmor, SELinux/,
    ],
    ['its file cannot be opened', { unreadableFiles: [LIVE] }, 'file', /vxlan0a cannot be opened/, /dmesg/],
    ['there is no ifupdown', { ifupdown: undefined }, 'implementation', /not installed/, /ifupdown/],
    [
      'it is an ifupdown2 in an unknown place',
      { ifupdown: 'ifupdown2:3.0.0-1.1' },
      'implementation',
      /ifupdown2:3\.0\.0/,
      /ifupdown/,
    ],
    ['it is ifupdown-ng', { ifupdown: 'ifupdown-ng 0.12.1' }, 'implementation', /ifupdown-ng/, /docs\/ifupdown\.md/],
    [
      'interfaces.d is not read',
      { interfaces: interfacesOf({}) },
      'implementation',
      /does not read/,
      /source \/etc\/network\/interfaces\.d\/\*/,
    ],
    ['/etc is read-only', { canWriteEtc: false }, 'file', /interfaces\.d is not writable/, /read-write/],
    ['/run is read-only', { canWriteRun: false }, 'file', /^\/run is not writable/, /findmnt -T \/run/],
    ['/var is read-only', { canWriteVar: false }, 'file', /^\/var\/lib\/vxfleet is not/, /findmnt -T \/var\/lib/],
    ['the device does not exist', WITHOUT_DEVICES, 'underlay', /no device enp1s0f0/, /underlay\.device/],
    ['the device is too small for IPv6', withMtu(1329), 'params', /MTU 1329/, /1280/],
    ['the hub does not forward', { forwards: false }, 'forwarding', /does not forward/, /sysctl -w/],
    [
      'the interface is defined elsewhere',
      definedIn('/etc/network/interfaces.d/a', '\n\niface vxlan0a inet6 manual\n'),
      'file',
      /interfaces.d\/a:3 too/,
      /ifdown vxlan0a/,
    ],
    [
      'the file is of another hand',
      { files: new Map([['vxlan0a', 'auto vxlan0a\n']]) },
      'file',
      /was not written by vxfleet/,
      /--adopt/,
    ],
    [
      'VNI and port are taken',
      { links: linkOf({ name: 'vxlan99' }) },
      'params',
      /vxlan99 already has VNI 10 on port 4789/,
      /vxlan99/,
    ],
    [
      'another run is at it',
      { trials: new Map([['vxlan0a', TRIAL]]) },
      'file',
      /vxlan0a is being changed by deploy tokyo of alice@bastion \(from 198\.18\.0\.9\) since 2026-11-23T12:00:00Z, run run-z/,
      /Wait for that one/,
    ],
    [
      'a dead run has left a trial to its guard',
      { trials: new Map([['vxlan0a', { ...TRIAL, holder: 'guard' as const }]]) },
      'file',
      /is pending, its run is gone: .*alice@bastion/,
      /alone in 17 s.*--takeover/,
    ],
    [
      'a dead run has left the hub in doubt',
      { trials: new Map([['vxlan0a', { ...TRIAL, holder: 'guard' as const, state: 'doubt' }]]) },
      'file',
      /asking the other end/,
      /--takeover/,
    ],
    [
      'a dead run has left a trial to nobody',
      { trials: new Map([['vxlan0a', { ...TRIAL, holder: 'nobody' as const }]]) },
      'file',
      /is pending/,
      /next deploy ends it/,
    ],
  ])('is refused with its reason and the way out: %s', (_title, facts, layer, message, hint) => {
    const found = refusal(facts);
    expect(found?.layer).toBe(layer);
    expect(found?.message).toMatch(message);
    expect(found?.hint).toMatch(hint);
  });

  it('is refused for a planned MTU that the device cannot carry, with the largest that it can', () => {
    const large = samplePlan({ mtu: 1451 }).tunnel;
    const found = refusal({}, 'spoke', false, { plan: large });
    expect(found).toMatchObject({ layer: 'params', hint: expect.stringContaining('1450') as string });
    const devices = new Map([...DEVICES].map(([name, one]) => [name, { ...one, mtu: 1501, isFromOutside: true }]));
    expect(refusal({ devices }, 'spoke', false, { plan: large })).toBeUndefined();
  });

  it('is not helped by adopting when the stanza is elsewhere', () => {
    const facts = definedIn('/etc/network/interfaces.d/a', 'iface vxlan0a inet6 manual\n');
    expect(refusal(facts, 'hub', true)?.layer).toBe('file');
  });

  it('is told the first reason in the order in which one would put things right', () => {
    const found = refusal({ ifupdown: undefined, interfaces: interfacesOf({}), forwards: false, ...WITHOUT_DEVICES });
    expect(found?.message).toMatch(/ifup is not installed/);
  });

  it('is told by the device of its own end', () => {
    expect(refusal(WITHOUT_DEVICES, 'spoke')?.message).toMatch(/no device eth0/);
  });
});

describe('what is not ours', () => {
  const RULES = healthyFacts().network.rules;
  const rule = { from: 'all', table: '100', suppressPrefixLength: undefined, hasMore: true, text: '{"fwmark":"0x1"}' };
  const withRule = { network: { routes: [], rules: [...RULES, { ...rule, priority: tunnel.priority }] } };

  it('a link of our name without a file is refused, unless it is to be adopted', () => {
    const facts = { links: linkOf({ mac: '5e:00:00:00:00:01' }) };
    expect(refusal(facts)).toMatchObject({ layer: 'link' });
    expect(refusal(facts)?.message).toContain('vxfleet did not make it');
    expect(refusal(facts, 'hub', true)).toBeUndefined();
  });

  it('a link that we made may have lost its file', () => {
    expect(refusal({ links: linkOf({}) })).toBeUndefined();
  });

  it('a rule at a priority that policy mode would clear is refused with its text', () => {
    const policy = { ...tunnel, mode: 'policy' } as const;
    const refused = refusal(withRule, 'spoke', false, { plan: policy });
    expect(refused).toMatchObject({ layer: 'policy' });
    expect(refused?.message).toContain('fwmark');
    expect(refusal(withRule, 'hub', false, { plan: policy })).toBeUndefined();
    expect(refusal(withRule, 'spoke')).toBeUndefined();
  });
});

describe('an id that another spoke still has at the hub', () => {
  const anothers = linkOf({ remote: '203.0.113.200' });

  it('is refused also when only the link is left', () => {
    expect(refusal({ links: anothers })).toMatchObject({
      layer: 'link',
      message: expect.stringContaining('203.0.113.200'),
    });
  });

  it('is not what it looks like while the file says whose tunnel it is', () => {
    expect(refusal({ links: anothers, files: new Map([['vxlan0a', OURS]]) })).toBeUndefined();
  });
});

describe('a tunnel that is taken away', () => {
  const removal = (facts: Partial<HostFacts>) => refusal(facts, 'hub', false, { removes: true });

  it('does not need its device', () => {
    expect(removal({ ...WITHOUT_DEVICES, files: new Map([['vxlan0a', OURS]]) })).toBeUndefined();
  });

  it('is left to the run that is changing it', () => {
    expect(removal({ trials: new Map([['vxlan0a', TRIAL]]) })?.message).toContain('alice@bastion');
  });
});
