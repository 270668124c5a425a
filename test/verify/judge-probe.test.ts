import { describe, expect, it } from 'vitest';
import type { Check } from '../../src/events.js';
import { diagnose, judgePings } from '../../src/verify/judge-probe.js';
import { planChecks } from '../../src/verify/plan-checks.js';
import { samplePlan } from './fleet-plan.js';

const { fleet, tunnel } = samplePlan({}, { anchor: '2001:db8:beef::1' });
const checks = planChecks(fleet, tunnel, 1450);

// One line a question.
const ANSWERED = '0.072';
const LATE = '12.510';
const SILENT = 'no answer';
const UNBOUND = 'bind: Cannot assign requested address';

const pings = (...lines: [number, string][]) =>
  new Map([['pings', lines.map(([status, text], index) => `${checks[index]?.key} ${status} ${text}`).join('\n')]]);

describe('pings', () => {
  it('that came back are ok, with the round-trip time', () => {
    const judged = judgePings(checks.slice(0, 2), pings([0, ANSWERED], [0, LATE]));
    expect(judged.map(({ ok, rtt_ms }) => [ok, rtt_ms])).toEqual([
      [true, 0.072],
      [true, 12.51],
    ]);
  });

  it.each([
    ['nobody answered', 1, SILENT],
    ['could not be sent', 1, UNBOUND],
  ])('that %s failed, without a time', (_title, status, text) => {
    expect(judgePings(checks.slice(0, 1), pings([status, text]))).toMatchObject([{ ok: false, rtt_ms: null }]);
  });

  it('without a line in the answer failed', () => {
    expect(judgePings(checks, pings([0, ANSWERED])).map(({ ok }) => ok)).toEqual([
      true,
      ...Array<boolean>(7).fill(false),
    ]);
    expect(judgePings(checks, new Map()).some(({ ok }) => ok)).toBe(false);
  });

  it('are matched by key, not by place', () => {
    const lines = [...(pings([0, ANSWERED], [1, SILENT], [0, LATE]).get('pings') ?? '').split('\n')].reverse();
    const judged = judgePings(checks.slice(0, 3), new Map([['pings', lines.join('\n')]]));
    expect(judged.map(({ ok }) => ok)).toEqual([true, false, true]);
  });

  it('carry what was asked', () => {
    const { key: _key, ...asked } = checks[5] ?? {};
    expect(judgePings(checks, new Map())[5]).toEqual({ ...asked, ok: false, rtt_ms: null });
  });
});

describe('the diagnosis of a failed check', () => {
  const failedOf = (from: Check['from'], prefix: Check['prefix']): Check => {
    const found = checks.find((one) => one.from === from && one.prefix === prefix);
    if (found === undefined) throw new Error('no such check');
    const { key: _key, ...asked } = found;
    return { ...asked, ok: false, rtt_ms: null };
  };
  const peer = failedOf('hub', '/80');
  const keyOf = ({ source, target }: Check) => `${source}>${target}`;

  // Every layer's symptom at once; taking the first away must show the next.
  const symptoms = {
    small: `${keyOf(peer)} `,
    underlay_route: '[{"dst":"10.0.0.10","gateway":"203.0.113.1","dev":"wlan0","prefsrc":"203.0.113.9","flags":[]}]',
    received: '0',
    underlay_ping: '1',
    neighbours: '[{"dst":"2001:db8:ae00:0:a::2","dev":"vxlan0a","state":["FAILED"]}]',
  };
  const healthy = {
    underlay_route: '[{"dst":"10.0.0.10","dev":"enp1s0f0","prefsrc":"198.51.100.1"}]',
    received: '7',
    underlay_ping: '0',
    neighbours: '[{"dst":"2001:db8:ae00:0:a::2","lladdr":"02:76:78:00:0a:02","state":["REACHABLE"]}]',
  };
  const judge = (check: Check, values: Record<string, string>, far: Record<string, string> = healthy) => {
    const [asked, other] = [new Map(Object.entries(values)), new Map(Object.entries(far))];
    return diagnose(tunnel, check, check.from === 'hub' ? { hub: asked, spoke: other } : { hub: other, spoke: asked });
  };

  it('names what keeps the host from asking before anything else', () => {
    const text = 'raw ICMPv6 socket: Operation not permitted';
    const found = judge(peer, { ...symptoms, pings: `${keyOf(peer)} 126 ${text}` });
    expect(found).toMatchObject({ layer: 'implementation', message: `no packet can be sent: ${text}` });
    expect(found.hint).toContain('CAP_NET_RAW');
  });

  it('does not take any other failure for that', () => {
    expect(judge(peer, { ...symptoms, pings: `${keyOf(peer)} 1 bind: Operation not permitted` }).layer).toBe('mtu');
  });

  it('names the MTU when small packets pass, whatever else there is', () => {
    const found = judge(peer, symptoms);
    expect(found.layer).toBe('mtu');
    expect(found.message).toContain('1450 bytes');
    expect(found.hint).toContain('vxlan.mtu');
  });

  it('does not take another check’s small packet for this one’s', () => {
    const other = keyOf(failedOf('hub', '/64'));
    expect(judge(peer, { ...healthy, small: `${other} ` }).layer).toBe('peer');
  });

  it('names the anchor when only the anchor is silent', () => {
    const found = judge(failedOf('spoke', 'anchor'), symptoms);
    expect(found.layer).toBe('anchor');
    expect(found.message).toContain('2001:db8:beef::1');
  });

  it.each(['/64', '/48'] as const)('names the %s and its prefix when the packet was one of it', (prefix) => {
    const found = judge(failedOf('spoke', prefix), symptoms);
    expect(found.layer).toBe(prefix);
    expect(found.hint).toContain(prefix === '/64' ? '2001:db8:ae00:a::/64' : '2001:db8:ae0a::/48');
  });

  it('goes from the underlay up: route, silence below, encapsulation, neighbour, peer', () => {
    const { small: _small, ...values } = symptoms;
    const route = judge(peer, values);
    expect(route.layer).toBe('underlay');
    expect(route.message).toContain('leaves by wlan0, not by enp1s0f0');

    const silent = judge(peer, { ...values, underlay_route: healthy.underlay_route });
    expect(silent.layer).toBe('underlay');
    expect(silent.message).toContain('no VXLAN packet arrives at the hub, and 10.0.0.10 does not answer');

    const filtered = judge(peer, { ...values, underlay_route: healthy.underlay_route, underlay_ping: '0' });
    expect(filtered.layer).toBe('encapsulation');
    expect(filtered.hint).toMatch(/UDP 4789 .*VNI 10/);

    const neighbour = judge(peer, { ...healthy, neighbours: symptoms.neighbours });
    expect(neighbour.layer).toBe('neighbour');
    expect(judge(peer, { ...healthy, neighbours: symptoms.neighbours.replace('FAILED', 'INCOMPLETE') }).layer).toBe(
      'neighbour',
    );

    expect(judge(peer, healthy).layer).toBe('peer');
  });

  it('names the end at which nothing arrives, also when it is not the one that asked', () => {
    const found = judge(peer, healthy, { ...healthy, received: '0' });
    expect(found.layer).toBe('encapsulation');
    expect(found.message).toContain(`no VXLAN packet arrives at ${tunnel.spoke}, though 10.0.0.10 answers`);
  });

  it('looks from the spoke’s end at the spoke’s device and the hub’s address', () => {
    const found = judge(failedOf('spoke', '/80'), { ...healthy, underlay_route: symptoms.underlay_route });
    expect(found.message).toContain('the way to 198.51.100.1 leaves by wlan0, not by eth0');
  });

  it('comes to the peer when the host could tell nothing', () => {
    const found = judge(peer, {});
    expect(found.layer).toBe('peer');
    expect(found.message).toContain('does not answer from');
  });
});
