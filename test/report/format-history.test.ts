/* oxlint-disable no-control-regex */
import { describe, expect, it } from 'vitest';
import type { TunnelChange } from '../../src/history/match-ends.js';
import { formatHistory, historyToJson } from '../../src/report/format-history.js';
import { range } from './sample-results.js';

const confirmed = { outcome: 'confirmed', restores: null, has_file: true } as const;

const change = (id: number, more: Partial<TunnelChange> = {}): TunnelChange => ({
  change: '20261123T120000-abc123.1',
  run: '20261123T120000-abc123',
  time: '2026-11-23T12:00:05Z',
  operator: 'alice@bastion',
  command: 'deploy',
  spoke: `site${id}`,
  interface: `vxlan${id.toString(16).padStart(2, '0')}`,
  id,
  ends: { hub: confirmed, spoke: confirmed },
  ...more,
});

const textOf = (changes: readonly TunnelChange[], width = Infinity, color = false) =>
  formatHistory(changes, { color, width, read: ['hub', 'site1', 'site12'] });

const MIXED: readonly TunnelChange[] = [
  change(1, {
    time: '2026-11-23T14:00:00Z',
    run: '20261123T140000-222222',
    operator: 'bob@laptop',
    command: 'rollback site1',
    ends: {
      hub: { outcome: 'confirmed', restores: 'first', has_file: false },
      spoke: { outcome: 'confirmed', restores: 'first', has_file: false },
    },
  }),
  change(1, {
    time: '2026-11-23T13:00:00Z',
    run: '20261123T130000-111111',
    command: 'deploy site1',
    ends: { hub: confirmed, spoke: { outcome: 'window', restores: null, has_file: true } },
  }),
  change(1),
  change(2),
  change(10),
  change(11, { ends: { hub: confirmed, spoke: null } }),
  change(12, { ends: { hub: null, spoke: confirmed } }),
  change(1, {
    run: 'before-20261123T120000-abc123',
    operator: '-',
    command: '-',
    ends: { hub: null, spoke: { outcome: 'found', restores: null, has_file: true } },
  }),
];

describe('formatHistory', () => {
  it('has a row a run, folds equal tunnels, and says where the ends differ', () => {
    expect(textOf(MIXED)).toMatchInlineSnapshot(`
      "time                  run                            tunnel     interface            operator       command         outcome
      2026-11-23T14:00:00Z  20261123T140000-222222         site1      vxlan01              bob@laptop     rollback site1  removed, back to before the first deploy
      2026-11-23T13:00:00Z  20261123T130000-111111         site1      vxlan01              alice@bastion  deploy site1    hub confirmed, spoke reverted by the host (window over)
      2026-11-23T12:00:05Z  20261123T120000-abc123         3 tunnels  vxlan01-02, vxlan0a  alice@bastion  deploy          confirmed
      2026-11-23T12:00:05Z  20261123T120000-abc123         site11     vxlan0b              alice@bastion  deploy          confirmed, by the hub's record
      2026-11-23T12:00:05Z  20261123T120000-abc123         site12     vxlan0c              alice@bastion  deploy          spoke confirmed
      2026-11-23T12:00:05Z  before-20261123T120000-abc123  site1      vxlan01              -              -               found at the spoke
      "
    `);
  });

  it('puts a long list of interfaces below its row, fitted to the terminal', () => {
    expect(
      textOf(
        range(1, 40)
          .filter((id) => id % 2 === 1)
          .map((id) => change(id)),
        120,
      ),
    ).toMatchInlineSnapshot(`
      "time                  run                     tunnel      interface  operator       command  outcome
      2026-11-23T12:00:05Z  20261123T120000-abc123  20 tunnels  vxlan01 …  alice@bastion  deploy   confirmed
          vxlan01, vxlan03, vxlan05, vxlan07, vxlan09, vxlan0b, vxlan0d, vxlan0f, vxlan11, vxlan13, vxlan15, vxlan17, vxlan19,
          vxlan1b, vxlan1d, vxlan1f, vxlan21, vxlan23, vxlan25, vxlan27
      "
    `);
  });

  it('has some short lines a run where a row is too wide for the terminal', () => {
    expect(textOf(MIXED, 80)).toMatchInlineSnapshot(`
      "2026-11-23T14:00:00Z  20261123T140000-222222  bob@laptop
          rollback site1
          site1  vxlan01  removed, back to before the first deploy
      2026-11-23T13:00:00Z  20261123T130000-111111  alice@bastion
          deploy site1
          site1  vxlan01  hub confirmed, spoke reverted by the host (window over)
      2026-11-23T12:00:05Z  20261123T120000-abc123  alice@bastion
          deploy
          3 tunnels  vxlan01-02, vxlan0a  confirmed
          site11  vxlan0b  confirmed, by the hub's record
          site12  vxlan0c  spoke confirmed
      2026-11-23T12:00:05Z  before-20261123T120000-abc123
          site1  vxlan01  found at the spoke
      "
    `);
    expect(
      textOf(MIXED, 40)
        .split('\n')
        .every((line) => line.length <= 40),
    ).toBe(true);
  });

  it('says so when there is nothing', () => {
    expect(textOf([])).toBe('no records of any change\n');
  });

  it('colours what a person has to look at', () => {
    const text = textOf(MIXED, Infinity, true);
    expect(text).toContain('\x1b[31mhub confirmed, spoke reverted by the host (window over)\x1b[0m');
    expect(text).toContain('\x1b[32mconfirmed\x1b[0m');
    expect(text.replace(/\x1b\[[0-9;]*m/g, '')).toBe(textOf(MIXED));
  });

  it('lets nothing that a host says control the terminal', () => {
    expect(textOf([change(1, { operator: 'eve\x1b[2J@x', command: 'deploy\u202e' })])).not.toMatch(/[\x1b\u202e]/);
  });
});

describe('historyToJson', () => {
  it('is one document: every change by itself, what was skipped, and who is missing', () => {
    const [rollback, failed] = MIXED;
    const unread = [{ host: 'osaka', code: 'connect', message: 'cannot connect' }];
    const text = historyToJson([rollback ?? change(1), failed ?? change(1)], { warnings: ['hub: x: skipped'], unread });
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      changes: [
        {
          time: '2026-11-23T14:00:00Z',
          run: '20261123T140000-222222',
          change: '20261123T120000-abc123.1',
          operator: 'bob@laptop',
          command: 'rollback site1',
          spoke: 'site1',
          interface: 'vxlan01',
          id: 1,
          ends: {
            hub: { outcome: 'confirmed', restores: 'first', has_file: false },
            spoke: { outcome: 'confirmed', restores: 'first', has_file: false },
          },
        },
        expect.objectContaining({
          run: '20261123T130000-111111',
          ends: {
            hub: { outcome: 'confirmed', restores: null, has_file: true },
            spoke: { outcome: 'window', restores: null, has_file: true },
          },
        }),
      ],
      warnings: ['hub: x: skipped'],
      unread,
    });
  });

  it('has no raw control character', () => {
    const operator = 'eve\x1b\u202e@x';
    const text = historyToJson([change(1, { operator })], { warnings: [], unread: [] });
    expect(text).not.toMatch(/[\x1b\u202e]/);
    expect((JSON.parse(text) as { changes: { operator: string }[] }).changes[0]?.operator).toBe(operator);
  });
});
