import { describe, expect, it } from 'vitest';
import type { End } from '../../src/plan/plan.js';
import { compareEnd, type ObservedEnd } from '../../src/verify/compare-end.js';
import { expectEnd, type ExpectedEnd, resolveMtu } from '../../src/verify/expect-end.js';
import {
  type KernelLink,
  type KernelRoute,
  type KernelRule,
  parseLinks,
  parseNetwork,
} from '../../src/verify/kernel-state.js';
import { kernelAnswer } from './kernel-answer.js';
import { samplePlan } from './fleet-plan.js';

const DEVICE_MTU = 1500;

const expectation = (end: End, mode: 'gateway' | 'policy' = 'gateway', mtu?: number): ExpectedEnd =>
  expectEnd(samplePlan({ mode, mtu }).tunnel, end, DEVICE_MTU);

interface Seen extends ObservedEnd {
  readonly link: KernelLink;
}

/** What a kernel would answer that is exactly as planned. */
function asPlanned(expected: ExpectedEnd): Seen {
  const { links, network } = kernelAnswer(expected);
  const [link] = parseLinks(links);
  if (link === undefined) throw new Error('no link');
  return { link, network: parseNetwork(network, [{ line: 'rule show' }, { line: 'route show table all' }]) };
}

const withLink = (seen: Seen, changes: Partial<KernelLink>): Seen => ({ ...seen, link: { ...seen.link, ...changes } });
const withRoutes = (seen: Seen, change: (routes: readonly KernelRoute[]) => readonly KernelRoute[]): Seen => ({
  ...seen,
  network: { ...seen.network, routes: change(seen.network.routes) },
});
const withRules = (seen: Seen, change: (rules: readonly KernelRule[]) => readonly KernelRule[]): Seen => ({
  ...seen,
  network: { ...seen.network, rules: change(seen.network.rules) },
});

describe('an end as planned', () => {
  it.each([
    ['hub', 'gateway'],
    ['spoke', 'gateway'],
    ['hub', 'policy'],
    ['spoke', 'policy'],
  ] as const)('has no finding: %s of a %s tunnel', (end, mode) => {
    const expected = expectation(end, mode);
    expect(compareEnd(expected, asPlanned(expected), true)).toEqual([]);
    expect(compareEnd(expected, asPlanned(expected), false)).toEqual([]);
  });

  it("expects the underlay device's MTU minus 50 unless the plan says a number", () => {
    expect(expectation('hub').link.mtu).toBe(1450);
    expect(expectation('hub', 'gateway', 1400).link.mtu).toBe(1400);
    expect(resolveMtu(samplePlan().tunnel, 9000)).toBe(8950);
  });

  it('names an underlay device that does not exist before anything else', () => {
    const expected = { ...expectation('spoke'), absentDevice: 'ppp0' };
    expect(compareEnd(expected, asPlanned(expected), true)).toEqual([
      { layer: 'underlay', message: 'there is no device ppp0' },
    ]);
    expect(compareEnd(expected, { ...asPlanned(expected), link: undefined }, true)[0]?.message).toMatch(/ppp0$/);
  });

  it('may have other rules, routes and kernel-made addresses beside', () => {
    const expected = expectation('spoke', 'policy');
    const foreign: KernelRoute[] = [
      {
        destination: '2001:db8:ffff::/48',
        unreachable: false,
        gateway: 'fe80::1',
        device: 'vxlan0a',
        table: '254',
        metric: 20,
      },
      { destination: 'default', unreachable: false, gateway: 'fe80::1', device: 'eth0', table: '254', metric: 1024 },
    ];
    const rule = { priority: 100, from: 'all', table: '99', suppressPrefixLength: undefined, hasMore: false, text: '' };
    const seen = withRules(
      withRoutes(asPlanned(expected), (routes) => [...foreign, ...routes]),
      (rules) => [...rules, rule],
    );
    expect(compareEnd(expected, seen, true)).toEqual([]);
  });
});

describe('the link', () => {
  it('is the only finding when it does not exist', () => {
    const expected = expectation('spoke', 'policy');
    const observed = { link: undefined, network: { routes: [], rules: [] } };
    expect(compareEnd(expected, observed, true)).toEqual([{ layer: 'link', message: 'vxlan0a does not exist' }]);
  });

  it('is found down, before all else', () => {
    const expected = expectation('hub');
    const [first] = compareEnd(expected, withLink(asPlanned(expected), { up: false, mtu: 1300 }), true);
    expect(first).toEqual({ layer: 'link', message: 'vxlan0a is down' });
  });

  it.each<[string, Partial<KernelLink>, string]>([
    ['vni', { vni: 11 }, 'vni 11, planned is 10'],
    ['dstport', { dstport: 8472 }, 'dstport 8472, planned is 4789'],
    ['local', { local: '203.0.113.9' }, 'local 203.0.113.9, planned is 198.51.100.1'],
    ['no local', { local: undefined }, 'local unset, planned is 198.51.100.1'],
    ['remote', { remote: '203.0.113.9' }, 'remote 203.0.113.9, planned is 10.0.0.10'],
    ['no remote', { remote: undefined }, 'remote unset, planned is 10.0.0.10'],
    ['device', { device: 'eth7' }, 'dev eth7, planned is enp1s0f0'],
    ['mtu', { mtu: 1400 }, 'mtu 1400, planned is 1450'],
    ['mac', { mac: '02:76:78:00:0a:02' }, 'address 02:76:78:00:0a:02, planned is 02:76:78:00:0a:01'],
    ['learning', { learning: true }, 'learning true, planned is false'],
    ['ttl', { ttl: 0 }, 'ttl 0, planned is 64'],
  ])('is found with another %s', (_title, changes, message) => {
    const expected = expectation('hub');
    expect(compareEnd(expected, withLink(asPlanned(expected), changes), true)).toEqual([
      { layer: 'params', message: `vxlan0a has ${message}` },
    ]);
  });
});

describe('addresses', () => {
  const expected = expectation('spoke');
  const seen = asPlanned(expected);
  const { addresses } = seen.link;
  const findings = (changed: KernelLink['addresses'], strict = true) =>
    compareEnd(expected, withLink(seen, { addresses: changed }), strict);

  it.each([0, 1, 2])('are found missing: number %i', (index) => {
    expect(findings(addresses.filter((_, i) => i !== index))).toEqual([
      { layer: 'addresses', message: `address ${expected.addresses[index]} is missing` },
    ]);
  });

  it('are found tentative', () => {
    const changed = addresses.map((address, index) => ({ ...address, tentative: index === 1 }));
    expect(findings(changed)).toEqual([{ layer: 'addresses', message: 'address 2001:db8:ae00:a::1/64 is tentative' }]);
  });

  it('are found with another length: the planned one is missing, the other not planned', () => {
    const changed = addresses.map((address, index) => (index === 2 ? { ...address, length: 64 } : address));
    expect(findings(changed).map(({ message }) => message)).toEqual([
      'address 2001:db8:ae0a::1/48 is missing',
      'address 2001:db8:ae0a::1/64 is not planned',
    ]);
  });

  it('beside ours are a finding under our template and none under the user’s own', () => {
    const more = [...addresses, { address: '2001:db8:ae0a:1::1', length: 64, tentative: false }];
    expect(findings(more)).toEqual([{ layer: 'addresses', message: 'address 2001:db8:ae0a:1::1/64 is not planned' }]);
    expect(findings(more, false)).toEqual([]);
  });

  it('of ours are asked for under the user’s own template too', () => {
    expect(findings(addresses.slice(1), false)).toHaveLength(1);
  });
});

describe('routes', () => {
  const CASES = (['hub', 'spoke'] as const).flatMap((end) =>
    (['gateway', 'policy'] as const).flatMap((mode) => {
      const expected = expectation(end, mode);
      return expected.routes.map((route, index) => [end, mode, route.destination, index] as const);
    }),
  );

  it.each(CASES)('are found missing: %s, %s, %s (number %i)', (end, mode, destination, index) => {
    const expected = expectation(end, mode);
    const findings = compareEnd(
      expected,
      withRoutes(asPlanned(expected), (routes) => routes.filter((_, i) => i !== index)),
      true,
    );
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ layer: 'routes' });
    expect(findings[0]?.message).toMatch(/is missing$/);
    expect(findings[0]?.message).toContain(` ${destination} `);
  });

  it.each<[string, End, 'gateway' | 'policy', number, Partial<KernelRoute>, string]>([
    [
      'gateway',
      'hub',
      'gateway',
      1,
      { gateway: '2001:db8:ae00:0:a::9' },
      'route 2001:db8:ae00:a::/64 via 2001:db8:ae00:0:a::2 dev vxlan0a',
    ],
    [
      'device',
      'hub',
      'gateway',
      1,
      { device: 'vxlan0b' },
      'route 2001:db8:ae00:a::/64 via 2001:db8:ae00:0:a::2 dev vxlan0a',
    ],
    ['table', 'hub', 'gateway', 2, { table: '100' }, 'route 2001:db8:ae0a::/48 via 2001:db8:ae00:0:a::2 dev vxlan0a'],
    [
      'kind',
      'hub',
      'gateway',
      2,
      { unreachable: true },
      'route 2001:db8:ae0a::/48 via 2001:db8:ae00:0:a::2 dev vxlan0a',
    ],
    [
      'metric of the guard',
      'hub',
      'gateway',
      3,
      { metric: 1024 },
      'route unreachable 2001:db8:ae00::/40 metric 2147483637',
    ],
    [
      'kind of the guard',
      'hub',
      'gateway',
      3,
      { unreachable: false },
      'route unreachable 2001:db8:ae00::/40 metric 2147483637',
    ],
    [
      'metric',
      'spoke',
      'gateway',
      3,
      { metric: 1024 },
      'route default via 2001:db8:ae00:0:a::1 dev vxlan0a metric 512',
    ],
    ['table', 'spoke', 'policy', 3, { table: '254' }, 'route default via 2001:db8:ae00:0:a::1 dev vxlan0a table 30010'],
    [
      'table of the guard',
      'spoke',
      'policy',
      4,
      { table: '254' },
      'route unreachable default metric 2147483647 table 30010',
    ],
  ])('with another %s are not the planned ones', (_title, end, mode, index, changes, message) => {
    const expected = expectation(end, mode);
    const seen = withRoutes(asPlanned(expected), (routes) =>
      routes.map((route, i) => (i === index ? { ...route, ...changes } : route)),
    );
    expect(compareEnd(expected, seen, true)).toEqual([{ layer: 'routes', message: `${message} is missing` }]);
  });
});

describe('rules', () => {
  const expected = expectation('spoke', 'policy');
  const seen = asPlanned(expected);
  const extra: KernelRule = {
    priority: 20080,
    from: samplePlan().tunnel.prefix64,
    table: '99',
    suppressPrefixLength: undefined,
    hasMore: false,
    text: '',
  };
  const ours = samplePlan().tunnel.priority;

  it.each([1, 2, 3, 4, 5, 6])('are found missing: number %i', (index) => {
    const rule = seen.network.rules[index];
    const findings = compareEnd(
      expected,
      withRules(seen, (rules) => rules.filter((_, i) => i !== index)),
      true,
    );
    expect(findings).toHaveLength(1);
    expect(findings[0]?.layer).toBe('policy');
    expect(findings[0]?.message).toContain(`pref ${rule?.priority} from ${rule?.from} lookup ${rule?.table}`);
    expect(findings[0]?.message).toMatch(/is missing$/);
  });

  it('that stand twice are found, since ifdown of an older file may leave one', () => {
    const twice = withRules(seen, (rules) => rules.flatMap((rule) => (rule.table === '30010' ? [rule, rule] : [rule])));
    const findings = compareEnd(expected, twice, true);
    expect(findings).toHaveLength(3);
    for (const { layer, message } of findings) {
      expect(layer).toBe('policy');
      expect(message).toMatch(/lookup 30010 is not planned$/);
    }
  });

  it('in our priorities that we did not plan are found', () => {
    const more = withRules(seen, (rules) => [...rules, { ...extra, priority: ours }]);
    expect(compareEnd(expected, more, true)).toEqual([
      { layer: 'policy', message: `rule pref ${ours} from ${extra.from} lookup 99 is not planned` },
    ]);
  });

  it.each([
    ['of another source', { from: 'all' }],
    ['with a selector of its own', { hasMore: true }],
  ])('of somebody else at our priority are none of our business: %s', (_title, changes) => {
    const more = withRules(seen, (rules) => [...rules, { ...extra, priority: ours, ...changes }]);
    expect(compareEnd(expected, more, true)).toEqual([]);
  });

  it('of an earlier policy mode are found on a spoke that is in gateway mode now', () => {
    const gateway = expectation('spoke', 'gateway');
    const left = withRules(asPlanned(gateway), (rules) => [...rules, { ...extra, priority: ours + 1 }]);
    expect(compareEnd(gateway, left, true)).toMatchObject([{ layer: 'policy' }]);
  });

  it('without their suppression are not the planned ones', () => {
    const bare = withRules(seen, (rules) => rules.map((rule) => ({ ...rule, suppressPrefixLength: undefined })));
    const messages = compareEnd(expected, bare, true).map(({ message }) => message);
    expect(messages).toHaveLength(6);
    expect(messages.filter((message) => message.endsWith('suppress_prefixlength 0 is missing'))).toHaveLength(3);
  });

  it('of other tunnels on the same host are none of ours', () => {
    const more = withRules(seen, (rules) => [
      ...rules,
      { ...extra, priority: ours - 1 },
      { ...extra, priority: ours + 2 },
    ]);
    expect(compareEnd(expected, more, true)).toEqual([]);
  });
});
