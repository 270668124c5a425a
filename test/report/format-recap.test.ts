/* oxlint-disable no-control-regex */
import { describe, expect, it } from 'vitest';
import type { CommandName, TunnelResult } from '../../src/events.js';
import { formatRecap } from '../../src/report/format-recap.js';
import { makeRecap } from '../../src/report/recap.js';
import { changedTunnel, checkOf, range, revertedTunnel, unchangedTunnel, unknownTunnel } from './sample-results.js';

const textOf = (results: TunnelResult[], command: CommandName = 'deploy', width = 100, color = false) =>
  formatRecap(makeRecap('r', command, results, 1234, { interrupted: false, exitCodeOnDifference: false }), {
    color,
    width,
  });

describe('formatRecap', () => {
  it.each([
    ['answers', 'put back, and the old state answers'],
    // What did not answer before is not asked after it.
    ['silent', 'put back to what did not answer before'],
    ['nothing', 'taken away again, there was no tunnel before'],
  ] as const)('says what a change was put back to, and no more than was seen: %s', (put_back, words) => {
    expect(textOf([revertedTunnel(1, { put_back })], 'deploy', Infinity)).toContain(`reverted: ${words}\n`);
  });

  it('says once that nothing was touched', () => {
    const ends = { hub: 'untouched', spoke: 'unreachable' } as const;
    expect(textOf([changedTunnel(1, { status: 'unreachable', ends, down_ms: null, checks: [] })])).toContain(
      'site1  vxlan01  unreachable  nothing was touched\n',
    );
  });

  it('tells once of a person who has interrupted several', () => {
    const error = { code: 'interrupted', end: null, layer: null, message: 'interrupted', hint: 'Again.' } as const;
    const at = (id: number) => revertedTunnel(id, { put_back: 'answers', error, checks: [] });
    expect(textOf([at(1), at(2)])).toContain(
      '2 tunnels (vxlan01-02) reverted: put back, and the old state answers\n  failed  interrupted\n  why     interrupted\n',
    );
  });

  it('says of a rollback that there was nothing to put back', () => {
    expect(textOf([unchangedTunnel(1)], 'rollback')).toContain('unchanged  nothing to put back\n');
  });

  it('shows one tunnel', () => {
    expect(textOf([changedTunnel(1, { spoke: 'tokyo' })])).toMatchInlineSnapshot(`
      "tokyo  vxlan01  changed  down 84 ms, 1 check answered

      1 tunnel: 1 changed (1.2 s)
      "
    `);
  });

  it('shows a mixed run, each failure with its end, reason and next step', () => {
    expect(textOf([changedTunnel(1), revertedTunnel(2), unknownTunnel(10)])).toMatchInlineSnapshot(`
      "site1   vxlan01  changed   down 84 ms, 1 check answered
      site2   vxlan02  reverted  put back, and the old state answers, down 2.3 s
      site10  vxlan0a  UNKNOWN   not proven to be in the old state nor in the new one, hub reverted, spoke
                                 unknown

      site2 (vxlan02) reverted: put back, and the old state answers
        failed  /48, at site2 (verify)
        why     the /48 does not answer from the hub
        check   no answer: /48 from hub, 2001:db8:ae00:0:1::1 to 2001:db8:ae02::1, 1450 bytes
        next    look at the routes of the /48 on the spoke:
                ip -6 route show table all

      site10 (vxlan0a) UNKNOWN: not proven to be in the old state nor in the new one
        failed  ssh, at site10 (lost)
        why     the connection was lost during the revert
        ends    hub reverted, site10 unknown
        next    vxfleet verify site10   # says which end answers; do not trust the tunnel until it does

      3 tunnels: 1 changed, 1 reverted, 1 UNKNOWN (1.2 s)
      "
    `);
  });

  it('folds 255 equal tunnels into one row', () => {
    expect(textOf(range(1, 255).map((id) => changedTunnel(id, { down_ms: 40 + id })))).toMatchInlineSnapshot(`
      "255 tunnels  vxlan01-ff  changed  down 41 ms to 295 ms, 255 checks answered

      255 tunnels: 255 changed (1.2 s)
      "
    `);
  });

  it('never folds a failure away', () => {
    const results = range(1, 255).map((id) =>
      id === 64 || id === 66 ? revertedTunnel(id) : id === 200 ? unknownTunnel(id) : unchangedTunnel(id),
    );
    expect(textOf(results)).toMatchInlineSnapshot(`
      "252 tunnels  vxlan01 …  unchanged
          vxlan01-3f, vxlan41, vxlan43-c7, vxlanc9-ff
      site64       vxlan40    reverted   put back, and the old state answers, down 2.3 s
      site66       vxlan42    reverted   put back, and the old state answers, down 2.3 s
      site200      vxlanc8    UNKNOWN    not proven to be in the old state nor in the new one, hub
                                         reverted, spoke unknown

      site64 (vxlan40) reverted: put back, and the old state answers
        failed  /48, at site64 (verify)
        why     the /48 does not answer from the hub
        check   no answer: /48 from hub, 2001:db8:ae00:0:1::1 to 2001:db8:ae40::1, 1450 bytes
        next    look at the routes of the /48 on the spoke:
                ip -6 route show table all

      site66 (vxlan42) reverted: put back, and the old state answers
        failed  /48, at site66 (verify)
        why     the /48 does not answer from the hub
        check   no answer: /48 from hub, 2001:db8:ae00:0:1::1 to 2001:db8:ae42::1, 1450 bytes
        next    look at the routes of the /48 on the spoke:
                ip -6 route show table all

      site200 (vxlanc8) UNKNOWN: not proven to be in the old state nor in the new one
        failed  ssh, at site200 (lost)
        why     the connection was lost during the revert
        ends    hub reverted, site200 unknown
        next    vxfleet verify site200   # says which end answers; do not trust the tunnel until it does

      255 tunnels: 252 unchanged, 2 reverted, 1 UNKNOWN (1.2 s)
      "
    `);
  });

  it('wraps a long list of interfaces below its row', () => {
    const results = range(1, 60).map((id) => (id % 2 === 0 ? changedTunnel(id) : unchangedTunnel(id)));
    const text = textOf(results, 'deploy', 60);
    const below = text.split('\n').filter((line) => line.startsWith('    vxlan'));
    expect(below.length).toBeGreaterThan(2);
    expect(Math.max(...below.map(({ length }) => length))).toBeLessThanOrEqual(60);
    for (const { interface: iface } of results) expect(text).toContain(iface);
  });

  it('fits a narrow terminal, wrapped between words', () => {
    expect(textOf([unknownTunnel(1)], 'deploy', 40)).toMatchInlineSnapshot(`
      "site1  vxlan01  UNKNOWN
          not proven to be in the old state
          nor in the new one, hub reverted,
          spoke unknown

      site1 (vxlan01) UNKNOWN: not proven to
      be in the old state nor in the new one
        failed  ssh, at site1 (lost)
        why     the connection was lost during
                the revert
        ends    hub reverted, site1 unknown
        next    vxfleet verify site1   # says
                which end answers; do not
                trust the tunnel until it does

      1 tunnel: 1 UNKNOWN (1.2 s)
      "
    `);
  });

  it('says in one line that no check was answered', () => {
    const checks = range(1, 6).map(() => checkOf(1, { ok: false, rtt_ms: null }));
    const text = textOf([revertedTunnel(1, { checks })]);
    expect(text).toContain('  check   no answer to any of the 6 checks, 1450 bytes\n');
    expect(text.match(/no answer/g)).toHaveLength(1);
  });

  it('says so when there was nothing to do', () => {
    expect(textOf([])).toBe('no tunnels (1.2 s)\n');
  });

  it('calls a verified tunnel ok', () => {
    const checks = [checkOf(1), checkOf(1)];
    expect(textOf([unchangedTunnel(1, { checks })], 'verify')).toMatchInlineSnapshot(`
      "site1  vxlan01  ok  2 checks answered

      1 tunnel: 1 ok (1.2 s)
      "
    `);
  });

  it('says what a diff would change', () => {
    const ends = { hub: 'would_change', spoke: 'unchanged' } as const;
    expect(textOf([unchangedTunnel(1, { status: 'would_change', ends }), unchangedTunnel(2)], 'diff'))
      .toMatchInlineSnapshot(`
        "site1  vxlan01  would change  hub would change, spoke unchanged
        site2  vxlan02  unchanged

        2 tunnels: 1 unchanged, 1 would change (1.2 s)
        "
      `);
  });

  it('says once why tunnels were not started', () => {
    const error = { code: 'verify', end: null, layer: null, message: 'stopped at --max-fail 1', hint: null } as const;
    const ends = { hub: 'untouched', spoke: 'untouched' } as const;
    const skipped = range(2, 40).map((id) => unchangedTunnel(id, { status: 'skipped', ends, error }));
    const text = textOf([revertedTunnel(1), ...skipped]);
    expect(text.match(/stopped at --max-fail 1/g)).toHaveLength(1);
    expect(text).toContain('39 tunnels  vxlan02-28  skipped ');
  });

  it('colours words only when asked', () => {
    expect(textOf([revertedTunnel(1)])).not.toContain('\x1b');
    expect(textOf([revertedTunnel(1)], 'deploy', 100, true)).toContain('\x1b[31mreverted\x1b[0m');
  });
});

describe('a failure that tunnels share', () => {
  const error = {
    code: 'connect',
    end: 'hub',
    layer: 'ssh',
    message: 'cannot connect to 198.51.100.1 port 22: connection refused',
    hint: 'is sshd running there?',
  } as const;
  const results = [1, 2, 3].map((id) => ({
    spoke: `site-${id}`,
    interface: `vxlan0${id}`,
    id,
    status: 'unreachable' as const,
    ends: { hub: 'unreachable', spoke: 'untouched' } as const,
    down_ms: null,
    put_back: null,
    transit: null,
    intrusions: [],
    checks: [],
    error,
  }));

  it('is told once for all the tunnels that it failed', () => {
    const ending = { interrupted: false, exitCodeOnDifference: false };
    const text = formatRecap(makeRecap('r1', 'deploy', results, 5, ending), { color: false, width: 120 });
    expect(text.split(error.message)).toHaveLength(2);
    expect(text).toContain('3 tunnels (vxlan01-03) unreachable');
  });

  it('is told once when it is that of a jump host before the spokes', () => {
    const onTheWay = {
      ...error,
      end: null,
      message: 'the jump host gate cannot be passed: cannot connect to 192.0.2.1 port 22: connection refused',
    };
    const behind = results.map((result) => ({
      ...result,
      ends: { hub: 'untouched', spoke: 'unreachable' } as const,
      error: onTheWay,
    }));
    const ending = { interrupted: false, exitCodeOnDifference: false };
    const text = formatRecap(makeRecap('r1', 'deploy', behind, 5, ending), { color: false, width: 120 });
    expect(text.split(onTheWay.message)).toHaveLength(2);
    expect(text).toContain('3 tunnels (vxlan01-03) unreachable');
    expect(text).toContain('ssh, on the way to the host (connect)');
  });
});
