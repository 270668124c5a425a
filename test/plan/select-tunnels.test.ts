import { expect, test } from 'vitest';
import { makePlan } from '../../src/plan/make-plan.js';
import { formatPlanTable, planToJson } from '../../src/plan/plan-table.js';
import { selectTunnels } from '../../src/plan/select-tunnels.js';
import { inventory, spoke } from '../render/fleet.js';

const spokes = [spoke('tokyo', 1), spoke('osaka', 10, { tags: ['kansai'] }), spoke('kobe', 2, { tags: ['kansai'] })];
const plan = makePlan(inventory('2001:db8:ae00::/40', spokes));
const select = (...limits: string[]) => {
  const { tunnels, ends } = selectTunnels(plan, limits);
  return [ends, ...tunnels.map((tunnel) => tunnel.spoke)];
};

test.each([
  [[], ['both', 'tokyo', 'kobe', 'osaka']],
  [['tokyo'], ['both', 'tokyo']],
  [['tok*'], ['both', 'tokyo']],
  [['?o*'], ['both', 'tokyo', 'kobe']],
  [
    ['vxlan0a', 'osaka'],
    ['both', 'osaka'],
  ],
  [['@kansai'], ['both', 'kobe', 'osaka']],
  [['tokyo,osaka'], ['both', 'tokyo', 'osaka']],
  [['10'], ['both', 'osaka']],
  [['0x0a'], ['both', 'osaka']],
  [['!tokyo'], ['both', 'kobe', 'osaka']],
  [
    ['@kansai', '!10'],
    ['both', 'kobe'],
  ],
  [['hub,!@kansai'], ['hub', 'tokyo']],
  [['hub'], ['hub', 'tokyo', 'kobe', 'osaka']],
  [
    ['hub', 'tokyo'],
    ['hub', 'tokyo'],
  ],
])('LIMIT %j selects %j', (limits, expected) => expect(select(...limits)).toEqual(expected));

test.each(['toky', '@kansi', 'vxlan0b', 'x*', '', '@', '3', 'tokyo,', '!'])('refuses the unknown LIMIT %j', (limit) => {
  expect(() => select(limit)).toThrow(expect.objectContaining({ code: 'usage' }));
});

test('refuses to be left with nothing', () => {
  expect(() => select('tokyo', '!*')).toThrow(expect.objectContaining({ message: 'the LIMITs leave no tunnel' }));
  expect(() => select('!x')).toThrow(expect.objectContaining({ code: 'usage' }));
});

test('suggests the near name', () => {
  expect(() => select('toyko')).toThrow(expect.objectContaining({ hint: expect.stringContaining('tokyo') }));
});

test('refuses a LIMIT that is one name and another interface', () => {
  const odd = makePlan(inventory('2001:db8:ae00::/40', [spoke('vxlan02', 1), spoke('kobe', 2)]));
  expect(() => selectTunnels(odd, ['vxlan02'])).toThrow(/vxlan02 \(vxlan01\) and kobe \(vxlan02\)/);
});

test('the table shows the id in both forms, aligned', () => {
  const lines = formatPlanTable(plan.tunnels).split('\n');
  expect(lines[0]).toMatch(/^ +id +spoke +interface +mode +\/48 +\/64 +\/80 +underlay$/);
  expect(lines[3]).toBe(
    '10 (0x0a)  osaka  vxlan0a    gateway  2001:db8:ae0a::/48  2001:db8:ae00:a::/64  2001:db8:ae00:0:a::/80  10.0.0.10 eth0',
  );
});

test('the table takes two lines a tunnel on a terminal that is too narrow for one', () => {
  const lines = formatPlanTable(plan.tunnels, 80).split('\n');
  expect(lines.slice(0, 2)).toEqual([
    '       id  spoke  interface  mode     underlay',
    '           /48                 /64                   /80',
  ]);
  expect(lines.slice(6, 8)).toEqual([
    '10 (0x0a)  osaka  vxlan0a    gateway  10.0.0.10 eth0',
    '           2001:db8:ae0a::/48  2001:db8:ae00:a::/64  2001:db8:ae00:0:a::/80',
  ]);
});

test('the JSON has snake_case keys only', () => {
  const keys = JSON.stringify(planToJson(plan, plan.tunnels)).match(/"[^"]+":/g) ?? [];
  expect(keys.filter((key) => !/^"[a-z0-9_]+":$/.test(key))).toEqual([]);
});

test("a site's former tunnels go by its name, too", () => {
  const former = makePlan(inventory('2001:db8:ae00::/40', [spoke('tokyo', 5)])).tunnels;
  const { tunnels } = selectTunnels({ ...plan, tunnels: [...plan.tunnels, ...former] }, ['tokyo']);
  expect(tunnels.map((tunnel) => tunnel.interface)).toEqual(['vxlan01', 'vxlan05']);
});
