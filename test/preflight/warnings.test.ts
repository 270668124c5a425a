import { describe, expect, it } from 'vitest';
import { warningsOf } from '../../src/preflight/warnings.js';
import type { HostFacts } from '../../src/host/host-facts.js';
import type { End } from '../../src/plan/plan.js';
import type { KernelRoute } from '../../src/verify/kernel-state.js';
import { noticesOnce } from '../../src/report/notices-once.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { device, DEVICES, healthyFacts } from './sample-facts.js';

const warnings = (end: End, facts: Partial<HostFacts>, mode: 'gateway' | 'policy' = 'gateway'): string =>
  warningsOf({
    ...samplePlan({ mode }),
    end,
    facts: healthyFacts(facts),
    otherFacts: healthyFacts(),
    adopt: false,
    removes: false,
  }).join('\n');

it('nothing is said of a healthy host', () => {
  expect(warnings('hub', {})).toBe('');
  expect(warnings('spoke', {})).toBe('');
  expect(warnings('spoke', {}, 'policy')).toBe('');
});

describe('systemd-networkd', () => {
  const kept = '[Network]\nManageForeignRoutingPolicyRules=no\nManageForeignRoutes = false\n';

  it('would remove the rules of policy mode, and everywhere the routes that have no device', () => {
    expect(warnings('spoke', { networkd: '\n' }, 'policy')).toMatch(
      /^systemd-networkd runs on osaka, and would remove rules and routes .*ManageForeignRoutingPolicyRules=no\\nManageForeignRoutes=no/,
    );
    expect(warnings('spoke', { networkd: '\n' })).toMatch(/would remove routes of a tunnel/);
    expect(warnings('hub', { networkd: '\n' })).toMatch(/runs on the hub, and would remove routes/);
  });

  it('is told so by its settings, of which the last counts', () => {
    expect(warnings('spoke', { networkd: kept }, 'policy')).toBe('');
    expect(warnings('spoke', { networkd: '[Network]\n#ManageForeignRoutes=no\n' })).not.toBe('');
    expect(warnings('spoke', { networkd: `${kept}ManageForeignRoutingPolicyRules=yes\n` }, 'policy')).not.toBe('');
    expect(warnings('spoke', { networkd: `${kept}ManageForeignRoutingPolicyRules=yes\n` })).toBe('');
  });
});

const route = (destination: string, changes: Partial<KernelRoute> = {}): KernelRoute => ({
  destination,
  unreachable: false,
  gateway: undefined,
  device: 'eth0',
  table: '254',
  metric: 1024,
  ...changes,
});
const withRoutes = (...routes: readonly KernelRoute[]): Pick<HostFacts, 'network'> => ({
  network: { ...healthyFacts().network, routes },
});

describe('a spoke with IPv6 of its own in gateway mode', () => {
  const devices = new Map([
    ...DEVICES,
    ['eth0', device('eth0', { ipv6: [{ address: '2600:1f16:5::7', length: 64 }] })] as const,
  ]);
  const native = route('default', { gateway: 'fe80::1' });

  it('would send from its own address through the tunnel', () => {
    expect(warnings('spoke', { devices, ...withRoutes(native) })).toMatch(
      /osaka has IPv6 of its own, 2600:1f16:5::7 on eth0, .*which loses .* sends from 2600:1f16:5::7 would go through .*mode: policy for osaka/,
    );
  });

  it('is told that SSH comes that way, and that the route wins where it does', () => {
    const facts = { devices, ...withRoutes(native), sshServerAddress: '2600:1f16:5::7' };
    expect(warnings('spoke', facts)).toContain('2600:1f16:5::7, to which SSH comes,');
    const better = withRoutes({ ...native, metric: 100 });
    expect(warnings('spoke', { devices, ...better })).toMatch(/which wins .*\/48 would leave there/);
  });

  it.each([
    ['in policy mode', { devices, ...withRoutes(native) }, 'policy'],
    ['without a default route', { devices }, 'gateway'],
    ['with a default route by a tunnel', { devices, ...withRoutes(route('default', { table: '30010' })) }, 'gateway'],
    ['with unique local addresses only', withRoutes(native), 'gateway'],
  ] as const)('is fine %s', (_, facts, mode) => {
    expect(warnings('spoke', facts, mode)).toBe('');
  });

  it('is fine with addresses of the fleet on its LAN', () => {
    const lan = new Map([
      ...DEVICES,
      ['eth1', device('eth1', { ipv6: [{ address: '2001:db8:ae00:a::2', length: 64 }] })] as const,
    ]);
    expect(warnings('spoke', { devices: lan, ...withRoutes(native) })).toBe('');
  });
});

describe('a prefix that is on-link at the hub', () => {
  it('is asked about', () => {
    expect(warnings('hub', withRoutes(route('2001:db8:ae00::/40')))).toMatch(
      /on-link on eth0 of the hub .*is it routed to this host\?/,
    );
    expect(warnings('hub', withRoutes(route('2001:db8::/32')))).not.toBe('');
  });

  it.each([
    ['a route by a gateway', route('2001:db8:ae00::/40', { gateway: 'fe80::1' })],
    ['the aggregate that refuses', route('2001:db8:ae00::/40', { unreachable: true, device: 'lo' })],
    ['a part of it', route('2001:db8:aeff::/48')],
    ['another prefix', route('2001:db8:ff00::/40')],
    ['a default route', route('default')],
  ])('is not: %s', (_, one) => {
    expect(warnings('hub', withRoutes(one))).toBe('');
  });
});

it('what is true of the hub is told once', () => {
  const told: unknown[] = [];
  const emit = noticesOnce((event) => told.push(event));
  const notice = { event: 'notice', level: 'warning', message: 'the hub' } as const;
  emit(notice);
  emit(notice);
  emit({ ...notice, message: 'another' });
  expect(told).toHaveLength(2);
});

it('a hub that forwards until it boots is warned of, and no spoke', () => {
  expect(warnings('hub', { forwardsAtBoot: false })).toMatch(/^the hub forwards IPv6, .*\/etc\/sysctl\.d/);
  expect(warnings('spoke', { forwardsAtBoot: false })).toBe('');
});
