import { describe, expect, it } from 'vitest';
import { findLosses, restoringLines } from '../../src/change/bystanders.js';
import type { KernelNetwork, KernelRoute, KernelRule } from '../../src/verify/kernel-state.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { healthyFacts } from '../preflight/sample-facts.js';

const { tunnel: plan } = samplePlan();
const route = (changes: Partial<KernelRoute>): KernelRoute => ({
  destination: 'default',
  unreachable: false,
  gateway: 'fe80::1',
  device: 'eth0',
  table: '254',
  metric: 1024,
  ...changes,
});
const rule = (priority: number, from: string, changes: Partial<KernelRule> = {}): KernelRule => ({
  priority,
  from,
  table: '7',
  suppressPrefixLength: undefined,
  hasMore: false,
  text: JSON.stringify({ priority, src: from, table: '7' }),
  ...changes,
});

const FOREIGN: KernelNetwork = {
  routes: [route({}), route({ table: '100', gateway: undefined }), route({ unreachable: true, metric: 4_294_967_295 })],
  rules: [
    rule(0, 'all'),
    rule(100, '2001:db8:f::/64', { suppressPrefixLength: 0 }),
    rule(200, 'all', { hasMore: true }),
  ],
};
const OURS: KernelNetwork = {
  routes: [
    route({ device: plan.interface, gateway: plan.hubAddress, metric: plan.metric }),
    route({ device: plan.interface, table: String(plan.table) }),
    route({ destination: plan.prefix64, unreachable: true }),
  ],
  rules: [rule(plan.priority, plan.prefix48)],
};
const both: KernelNetwork = {
  routes: [...FOREIGN.routes, ...OURS.routes],
  rules: [...FOREIGN.rules, ...OURS.rules],
};
const facts = healthyFacts({ network: both });

describe("what is not the tunnel's", () => {
  it('is added again in the words of ip, and nothing else is', () => {
    expect(restoringLines(facts, plan).trimEnd().split('\n')).toEqual([
      'route add default via fe80::1 dev eth0 table 254 metric 1024',
      'route add default via fe80::1 dev eth0 table 254 metric 1024 onlink',
      'route add default dev eth0 table 100 metric 1024',
      'route add unreachable default table 254 metric 4294967295',
      'rule add pref 100 from 2001:db8:f::/64 lookup 7 suppress_prefixlength 0',
    ]);
  });

  it('is missed when it is gone, whatever became of the tunnel', () => {
    expect(findLosses(facts, plan, 'spoke', { link: undefined, network: FOREIGN })).toEqual([]);
    const network = { routes: FOREIGN.routes.slice(1), rules: FOREIGN.rules.slice(0, 1) };
    expect(findLosses(facts, plan, 'spoke', { link: undefined, network })).toEqual([
      'the route default via fe80::1 dev eth0 metric 1024 of osaka is gone',
      expect.stringMatching(/^the rule 100: from 2001:db8:f::\/64 lookup 7.* of osaka is gone$/),
      expect.stringMatching(/^the rule 200: .* of osaka is gone$/),
    ]);
  });
});
