import { describe, expect, it } from 'vitest';
import type { Check, CommandName, TunnelResult, TunnelStatus } from '../../src/events.js';
import { exitCodeOf, makeRecap } from '../../src/report/recap.js';
import { changedTunnel, revertedTunnel } from './sample-results.js';

const calm = { interrupted: false, exitCodeOnDifference: false };
const codeOf = (statuses: TunnelStatus[], command: CommandName = 'deploy', ending: Partial<typeof calm> = {}) =>
  makeRecap(
    'r',
    command,
    statuses.map((status, n) => changedTunnel(n + 1, { status })),
    0,
    { ...calm, ...ending },
  ).exit_code;

describe('makeRecap', () => {
  it('lists tunnels by id and counts each status, also those that are zero', () => {
    const recap = makeRecap('run1', 'deploy', [revertedTunnel(3), changedTunnel(2), changedTunnel(1)], 1234.4, calm);
    expect(recap).toMatchObject({ event: 'recap', run: 'run1', command: 'deploy', exit_code: 1, duration_ms: 1234 });
    expect(recap.tunnels.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(recap.counts).toEqual({
      unchanged: 0,
      changed: 2,
      rolled_back: 0,
      removed: 0,
      removed_at_hub: 0,
      would_change: 0,
      would_remove: 0,
      reverted: 1,
      failed: 0,
      unreachable: 0,
      skipped: 0,
      unknown: 0,
    });
  });
});

describe('the hub that forwards', () => {
  const site = (id: number) => `2001:db8:ae0${id}::1`;
  const tunnel = (id: number, sent?: Partial<Check>) => {
    const own: Check = {
      from: 'spoke',
      source: site(id),
      target: 'hub',
      prefix: '/48',
      ok: true,
      rtt_ms: 1,
      bytes: 1450,
    };
    const more: Check[] = sent === undefined ? [] : [{ ...own, ...sent }];
    const isTransit = sent?.prefix === 'transit';
    return changedTunnel(id, {
      checks: [own, ...(isTransit ? [] : more)],
      transit: isTransit ? (more[0] ?? null) : null,
    });
  };
  const unproven = (...results: TunnelResult[]) => makeRecap('r', 'deploy', results, 0, calm).transit_unproven;

  it('is proven for both sites of a packet between them', () => {
    expect(unproven(tunnel(1), tunnel(2, { prefix: 'transit', target: site(1) }))).toEqual([]);
  });

  it('is proven by the anchor', () => {
    expect(unproven(tunnel(1, { prefix: 'anchor', target: '2001:db8::53' }))).toEqual([]);
  });

  it('is not for a site that no packet left or reached', () => {
    expect(unproven(tunnel(1), tunnel(2, { prefix: 'transit', target: site(3) }), tunnel(3))).toEqual(['site1']);
  });

  it('is no matter where nothing was sent', () => {
    expect(unproven(changedTunnel(1, { status: 'unchanged', checks: [] }), revertedTunnel(2))).toEqual([]);
  });
});

describe('exitCodeOf', () => {
  it.each<[number, TunnelStatus[], CommandName?, Partial<typeof calm>?]>([
    [0, []],
    [0, ['unchanged', 'changed']],
    [0, ['rolled_back', 'removed'], 'rollback'],
    [0, ['would_remove'], 'diff'],
    [4, ['would_remove'], 'diff', { exitCodeOnDifference: true }],
    [1, ['changed', 'reverted']],
    [1, ['failed']],
    [1, ['unreachable']],
    [1, ['changed', 'skipped']],
    [3, ['reverted', 'unknown']],
    [0, ['would_change'], 'diff'],
    [4, ['would_change'], 'diff', { exitCodeOnDifference: true }],
    [0, ['unchanged'], 'diff', { exitCodeOnDifference: true }],
    [1, ['would_change', 'unreachable'], 'diff', { exitCodeOnDifference: true }],
    [130, ['changed', 'skipped'], 'deploy', { interrupted: true }],
    [130, [], 'deploy', { interrupted: true }],
    [3, ['unknown'], 'deploy', { interrupted: true }],
  ])('is %i for %j', (code, statuses, command, ending) => {
    expect(codeOf(statuses, command, ending)).toBe(code);
  });

  it('is that of a bug when a tunnel met one, unless an end is not proven', () => {
    const error = { code: 'internal', end: null, layer: null, message: 'x is undefined', hint: null } as const;
    const bug = changedTunnel(1, { status: 'failed', error });
    const codeWith = (status: TunnelStatus): number =>
      makeRecap('r', 'deploy', [bug, changedTunnel(2, { status })], 0, calm).exit_code;
    expect([codeWith('failed'), codeWith('unknown')]).toEqual([70, 3]);
  });

  it('needs no more than the counts', () => {
    const { counts } = makeRecap('r', 'deploy', [revertedTunnel(1)], 0, calm);
    expect(exitCodeOf(counts, 'deploy', calm)).toBe(1);
  });
});
