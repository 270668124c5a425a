/**
 * Whatever a host says: what is read of it is a value or a failure of that host, and what is made of the value throws nothing else. A hang is
 * found by the test's own time limit.
 */
import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import { endsOf, type Pair } from '../../src/change/tunnel.js';
import { TunnelEnd } from '../../src/change/tunnel-end.js';
import { findLosses, restoringLines } from '../../src/change/bystanders.js';
import { unifiedDiff } from '../../src/diff/unified-diff.js';
import { chooseChanges } from './rollback-of.js';
import { changesOfLast, wasCalled } from '../../src/history/choose-changes.js';
import { matchEnds } from '../../src/history/match-ends.js';
import { parseGeneration } from '../../src/history/parse-generation.js';
import { parsePlan } from '../../src/history/parse-plan.js';
import { readHistory } from '../../src/history/read-history.js';
import { contentDigest } from '../../src/history/generation-text.js';
import type { Host } from '../../src/host/host.js';
import { inspectionPayload, parseFacts, type HostFacts } from '../../src/host/host-facts.js';
import { readAnswer } from '../../src/host/read-answer.js';
import { startFailure } from '../../src/host/start-failure.js';
import { sudoRefusal } from '../../src/host/sudo-refusal.js';
import {
  assessEnd,
  describeChange,
  describeEdit,
  refuseTunnel,
  sceneOf,
  stillEnds,
} from '../../src/jobs/assess-end.js';
import {
  describeLeftover,
  describeOrphan,
  findLeftovers,
  findOrphans,
  planOrphan,
  withoutTunnels,
} from '../../src/jobs/orphans.js';
import { warningsOf } from '../../src/preflight/warnings.js';
import { refuseTwin } from '../../src/preflight/right-host.js';
import { formatHistory } from '../../src/report/format-history.js';
import { diagnose, judgePings } from '../../src/verify/judge-probe.js';
import { planChecks } from '../../src/verify/plan-checks.js';
import { asIpv4, asIpv6, asPrefix } from '../../src/verify/ip-json.js';
import { fleetQueries } from '../../src/verify/queries.js';
import { wayQuestions } from '../../src/verify/underlay-ways.js';
import { findRemains } from '../../src/verify/find-remains.js';
import type { End, TunnelPlan } from '../../src/plan/plan.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { healthyFacts } from '../preflight/sample-facts.js';
import { storedFile } from '../history/sample-records.js';
import { garbage, SEEDED, spoilt, spoiltText } from './hostile-text.js';
import { fileOf, soundAnswer } from './sound-answer.js';

/** What `read` makes of what a host said; undefined when that is the host's failure. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof VxfleetError && error.code !== 'internal') return undefined;
    throw error;
  }
}

/** All texts and numbers in a value. */
const wordsOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(wordsOf) : [String(value)];

const MODES = [samplePlan(), samplePlan({ mode: 'policy' })] as const;
const { fleet, tunnel } = MODES[0];

const inspection = {
  ways: [...wayQuestions(tunnel, 'hub'), ...wayQuestions(tunnel, 'spoke')],
  network: fleetQueries(fleet),
};
const factsOf = (values: ReadonlyMap<string, string>): HostFacts | undefined =>
  attempt(() => readAnswer('osaka', () => parseFacts({ ok: true, reason: '', text: '', values }, inspection)));

/** All that is said and decided by the facts of an end. */
function judge(facts: HostFacts, end: End, plan = tunnel): void {
  const others = healthyFacts();
  const target = { text: fileOf(end), isCustom: false };
  const endOf = (name: End): TunnelEnd =>
    new TunnelEnd(plan, name, { host: name } as Host, target, 'run.1', name === end ? facts : others);
  const pair = {
    fleet,
    plan,
    proven: new Set<TunnelPlan>(),
    change: 'run.1',
    hub: endOf('hub'),
    spoke: endOf('spoke'),
  } as const;
  const both: Pair[] = [
    { ...pair, expects: 'plan' },
    { ...pair, expects: 'nothing', made: plan },
  ];
  for (const joined of both) {
    refuseTunnel(joined, endsOf(joined), false);
    refuseTunnel(joined, [], true);
  }
  const [planned] = both;
  if (planned === undefined) return;
  const assessments = endsOf(planned).map((one) => assessEnd(planned, one));
  stillEnds(assessments);
  for (const assessment of assessments) {
    describeChange(plan, assessment);
    describeEdit(planned, assessment.end);
    warningsOf(sceneOf(planned, assessment.end, { adopt: false, removes: false }));
  }
  refuseTwin(new Map(), plan, facts);
  restoringLines(facts, plan);
  const observed = { link: facts.links.get(plan.interface), network: facts.network };
  findLosses(facts, plan, end, { ...observed, network: { routes: [], rules: [] } });
  findRemains(plan, end, observed);
  for (const orphan of findOrphans(facts, { ...fleet, tunnels: [] })) {
    describeOrphan(orphan);
    planOrphan(orphan, fleet);
  }
  const leftovers = findLeftovers(facts, { ...plan, interface: 'vxlan01' }, fleet, others);
  for (const leftover of leftovers) describeLeftover(leftover, 'osaka');
  withoutTunnels(facts, leftovers);
}

describe('what a hostile host says to `inspect`', () => {
  it.each(['hub', 'spoke'] as const)('is facts that can be judged, or its failure: %s', (end) => {
    expect(inspectionPayload(inspection)).not.toBe('');
    const sound = factsOf(new Map(Object.entries(soundAnswer(end))));
    expect(sound?.links.get('vxlan0a')?.vni).toBe(10);
    let read = 0;
    fc.assert(
      fc.property(spoilt(soundAnswer(end)), fc.constantFrom(...MODES), (values, { tunnel: plan }) => {
        const facts = factsOf(values);
        if (facts === undefined) return;
        read++;
        judge(facts, end, plan);
      }),
      SEEDED,
    );
    // Most of it is right: otherwise nothing but the first parser would be tried.
    expect(read).toBeGreaterThan(SEEDED.numRuns / 4);
  });

  it('cannot be a word of another command, whatever it says of its addresses', () => {
    fc.assert(
      fc.property(garbage, (odd) => {
        const answer = soundAnswer('spoke');
        const links = (answer['links'] ?? '').replaceAll('2001:db8:ae0a::1', () => JSON.stringify(odd).slice(1, -1));
        const facts = factsOf(new Map(Object.entries({ ...answer, links })));
        const said = [...(facts?.links.values() ?? [])].flatMap(({ addresses, remote = '' }) => [
          remote,
          ...addresses.map(({ address }) => address),
        ]);
        for (const address of said) expect(address).toMatch(/^[0-9a-fA-F:.]*$/);
      }),
      SEEDED,
    );
  });

  it.each<[string, Record<string, string>]>([
    ['a mask of capabilities that is none', { capabilities: 'zz' }],
    ['more processors than there are numbers', { cpus: `0-${'9'.repeat(400)}` }],
    ['a name of a device with a line break', { hardware: 'eth0\nx' }],
  ])('is no fault of ours: %s', (_, changes) => {
    const facts = factsOf(new Map(Object.entries({ ...soundAnswer('hub'), ...changes })));
    expect(facts?.cpus).toBeLessThanOrEqual(8192);
  });

  it.each<[string, Record<string, string>]>([
    ['a file of a tunnel that is none', { 'file:vxlan01': '\n'.repeat(70_000) }],
    [
      'a thousand words of source',
      { 'interfaces:1': `/etc/network/interfaces\n${'source *a*a*a*a*a*b\n'.repeat(1002)}` },
    ],
    [
      'more rules than it can have',
      { network: `${JSON.stringify(Array.from({ length: 5000 }, () => ({ priority: 1 })))}\n` },
    ],
  ])('is its failure: %s', (_, changes) => {
    const values = new Map(Object.entries({ ...soundAnswer('hub'), ...changes }));
    expect(() => readAnswer('osaka', () => parseFacts({ ok: true, reason: '', text: '', values }, inspection))).toThrow(
      expect.objectContaining({ code: 'protocol', host: 'osaka' }),
    );
  });

  it('takes time in proportion to its length', () => {
    const long = 400_000;
    for (const text of [
      ' '.repeat(long),
      'a\\\n'.repeat(long / 2),
      `auto x${' '.repeat(long)}y`,
      `source ${'*a'.repeat(long / 2)}`,
    ]) {
      factsOf(new Map(Object.entries({ ...soundAnswer('hub'), 'interfaces:1': `/etc/network/interfaces\n${text}\n` })));
    }
    for (const text of ['\n'.repeat(60_000), ' \n'.repeat(30_000), '#\n'.repeat(30_000)]) {
      const facts = factsOf(new Map(Object.entries({ ...soundAnswer('hub'), 'file:vxlan0a': text })));
      if (facts !== undefined) judge(facts, 'hub');
      expect(unifiedDiff(text, fileOf('hub'), { oldLabel: 'a', newLabel: 'b' })).toContain('+auto vxlan0a');
    }
  }, 60_000);
});

describe('an address', () => {
  it.each<[string, boolean]>([
    ['2001:db8::1', true],
    ['::', true],
    ['::1', true],
    ['1:2:3:4:5:6:7:8', true],
    ['1::', true],
    ['::ffff:192.0.2.1', true],
    ['1:2:3:4:5:6:7', false],
    ['1:2:3:4:5:6:7:8:9', false],
    ['1:2:3:4::5:6:7:8', false],
    ['1::2::3', false],
    ['fe80::1%eth0', false],
    ['::ffff:192.0.2.256', false],
    ['192.0.2.1', false],
    ['', false],
  ])('of IPv6 is %s: %s', (text, is) => {
    expect(asIpv6(text) !== undefined).toBe(is);
    expect(asPrefix(`${text}/64`) !== undefined).toBe(is);
    // As Node.js sees it.
    expect(isIPv6(text) && !text.includes('%')).toBe(is);
  });

  it.each<[string, boolean]>([
    ['192.0.2.1', true],
    ['255.255.255.255', true],
    ['256.0.0.1', false],
    ['1.2.3', false],
    ['1.2.3.4.', false],
    ['1.2.3.4.5', false],
    ['1.2.3.4\n', false],
  ])('of IPv4 is %s: %s', (text, is) => {
    expect(asIpv4(text) !== undefined).toBe(is);
  });

  it('is what Node.js takes for one', () => {
    const text = fc.oneof(
      fc.ipV6(),
      fc.ipV4(),
      fc.string({ unit: fc.constantFrom('1', 'f', ':', '.', '0', '25'), maxLength: 20 }),
    );
    fc.assert(
      fc.property(text, (address) => {
        expect(asIpv6(address) !== undefined).toBe(isIPv6(address));
        expect(asIpv4(address) !== undefined).toBe(isIPv4(address));
      }),
      { ...SEEDED, numRuns: 3000 },
    );
  });
});

describe('what a hostile host keeps', () => {
  const records = [1, 2, 3].map((sequence) => storedFile(sequence, 'confirmed', { plan: tunnel, spoke: 'osaka' }));
  const history = Object.fromEntries(records.map(({ name, header }) => [`vxlan0a/${name}`, header]));

  it('is a history that can be shown and gone back in, or its failure', () => {
    fc.assert(
      fc.property(spoilt({ ...history, damaged: '' }), spoilt({ ...history, damaged: '' }), (hub, spoke) => {
        const hosts = [['hub', hub] as const, ['osaka', spoke] as const].flatMap(
          ([host, values]) => attempt(() => readAnswer(host, () => readHistory(host, values))) ?? [],
        );
        const changes = matchEnds(hosts);
        formatHistory(changesOfLast(changes, 2), { color: false, width: 80, read: hosts.map(({ host }) => host) });
        for (const one of changes) wasCalled(one, 'osaka');
        for (const { ends } of hosts) for (const end of ends.values()) attempt(() => chooseChanges(end));
      }),
      SEEDED,
    );
  });

  it('is a bounded number of records and warnings', () => {
    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => {
        const { name, header } = storedFile(index + 1, 'confirmed');
        return [`vxlan0a/${name}`, header];
      }),
    );
    expect(attempt(() => readHistory('hub', new Map(Object.entries(many))))).toBeUndefined();
    const damaged = Array.from({ length: 1000 }, (_, index) => `vxlan0a/${index}`).join('\n');
    expect(readHistory('hub', new Map([['damaged', damaged]])).warnings).toHaveLength(21);
  });

  it('is a generation with a plan that is sound, or with none, or its failure', () => {
    const { content } = storedFile(1, 'confirmed', { plan: tunnel, spoke: 'osaka' });
    fc.assert(
      fc.property(spoiltText(content), (text) => {
        // The digest is the host's own to compute.
        const name = `000001.confirmed.${contentDigest(text)}`;
        const generation = attempt(() => readAnswer('hub', () => parseGeneration('hub', 'vxlan0a', name, text)));
        for (const word of wordsOf(generation?.plan)) expect(word).not.toMatch(/^-|[\s;]/);
      }),
      SEEDED,
    );
    fc.assert(
      fc.property(spoiltText(JSON.stringify(tunnel)), (text) => {
        const plan = attempt(() => parsePlan('vxlan0a', text));
        if (plan != null) expect(plan).not.toHaveProperty('ssh');
      }),
      SEEDED,
    );
  });
});

describe('what a hostile host says to a probe', () => {
  const planned = planChecks(fleet, tunnel, 1450);
  const sound = {
    pings: planned.map(({ key }) => `${key} 0 0.109`).join('\n'),
    small: planned.map(({ key }) => key).join(' '),
    underlay_route: '[{"dst":"10.0.0.10","dev":"eth0"}]',
    underlay_ping: '0',
    received: '7',
    neighbours: '[{"dst":"2001:db8::2","state":["FAILED"]}]',
  };

  it('is checks, and a diagnosis of what failed', () => {
    fc.assert(
      fc.property(spoilt(sound), spoilt(sound), (hub, spoke) => {
        for (const one of judgePings(planned, hub)) {
          expect(one.rtt_ms === null || Number.isFinite(one.rtt_ms)).toBe(true);
          expect(diagnose(tunnel, one, { hub, spoke }).message).not.toBe('');
        }
      }),
      SEEDED,
    );
  });
});

describe('what a hostile host says in place of the program', () => {
  it('is why it did not start, or why sudo refused', () => {
    fc.assert(
      fc.property(garbage, garbage, fc.option(fc.integer()), (said, whose, exitCode) => {
        const end = { exitCode, signal: null, lost: null, stderr: said };
        const common = { host: 'osaka', user: undefined, said, timeoutMs: 1000 };
        expect(startFailure({ ...common, end }).host).toBe('osaka');
        for (const sign of [
          { kind: 'asks', whose } as const,
          { kind: 'ended', end } as const,
          { kind: 'silent' } as const,
        ]) {
          expect(sudoRefusal({ ...common, sign, askedFor: whose }).host).toBe('osaka');
        }
      }),
      SEEDED,
    );
  });
});
