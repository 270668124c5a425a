import { describe, expect, test } from 'vitest';
import { FILTER_PARTS, planFilter } from '../../src/plan/filter.js';
import { filterDown, filterUp } from '../../src/plan/filter-commands.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { ENDS } from '../../src/plan/plan.js';
import { inventory, spoke } from '../render/fleet.js';

const spokes = [
  spoke('tokyo', 1),
  spoke('osaka', 10, { vni: 1010, dstport: 4790, isolate: true }),
  spoke('nagoya', 11, { srcport: { low: 4789, high: 4789 } }),
];
const [tokyo, osaka, nagoya] = makePlan({ ...inventory('2001:db8:ae00::/40', spokes), filter: true }).tunnels;

test.each([
  ['hub', tokyo!, 'hub'],
  ['hub of an isolated site', osaka!, 'hub'],
  ['spoke', tokyo!, 'spoke'],
] as const)('makes the golden filter of a %s', async (name, tunnel, end) => {
  const text = `${filterUp(tunnel, end)}\n\n${filterDown(tunnel, end)}\n`;
  await expect(text).toMatchFileSnapshot(`golden/filter ${name}`);
});

test('where both ports are one, the connection is tracked: a stateful firewall lets its answers in', () => {
  for (const end of ENDS) {
    expect(filterUp(tokyo!, end)).toContain('notrack accept');
    expect(filterUp(nagoya!, end)).not.toContain('notrack accept');
    expect(planFilter(nagoya!, end).peer.sets.map((set) => set.name)).toEqual(['peers']);
  }
});

describe.each(ENDS)('at the %s', (end) => {
  const up = filterUp(osaka!, end).replace(/^[^]*?(?=exec nft)/, '');
  const down = filterDown(osaka!, end);
  const filter = planFilter(osaka!, end);

  test('removes what it makes', () => {
    for (const part of FILTER_PARTS.slice(0, -1).map((name) => filter[name])) {
      for (const set of part.sets.filter(({ elements }) => elements.length > 0))
        expect(down).toContain(`delete element inet vxfleet ${set.name} { ${set.elements.join(', ')} }`);
      for (const { name } of part.chains) expect(down).toContain(`delete chain inet vxfleet ${name}`);
      for (const name of part.counters) expect(down).toContain(`delete counter inet vxfleet ${name}`);
    }
  });

  test('empties each chain before it is filled, so that it may be repeated', () => {
    const chains = FILTER_PARTS.flatMap((name) => filter[name].chains);
    for (const { name, rules } of chains) {
      expect(up).toContain(` flush chain inet vxfleet ${name};`);
      expect(up.split(`chain ${name} {`)).toHaveLength(rules.length === 0 ? 2 : 3);
    }
  });

  test('every chain that is shared is held by the tunnels that use it', () => {
    const goes = new Map(
      FILTER_PARTS.flatMap((name) => filter[name].chains).map(({ name, rules }) => [
        name,
        rules.flatMap((rule) => /^goto (\S+)$/.exec(rule)?.[1] ?? []),
      ]),
    );
    const reach = (name: string): string[] => [name, ...(goes.get(name) ?? []).flatMap(reach)];
    const held = reach(`${osaka!.interface}_uses`);
    const shared = (['peer', 'fleet', 'port'] as const).flatMap((name) =>
      filter[name].chains.map((chain) => chain.name),
    );
    expect(held).toEqual(expect.arrayContaining([...shared, 'in_use', filter.prefix.chains[1]!.name]));
  });
});
