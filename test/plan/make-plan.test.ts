import fc from 'fast-check';
import { Address6 } from 'ip-address';
import { describe, expect, test } from 'vitest';
import { addressText } from '../../src/plan/address-text.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { rulePriority } from '../../src/plan/rule-priority.js';
import { selectTunnels } from '../../src/plan/select-tunnels.js';
import { inventory, spoke } from '../render/fleet.js';

const planOf = (prefix: string, id: number) => makePlan(inventory(prefix, [spoke('tokyo', id)])).tunnels[0]!;

describe('golden addresses', () => {
  test.each([
    ['2001:db8:ae00::/40', 1, 'vxlan01', '2001:db8:ae01::/48', '2001:db8:ae00:1::/64', '2001:db8:ae00:0:1::/80'],
    ['2001:db8:ae00::/40', 10, 'vxlan0a', '2001:db8:ae0a::/48', '2001:db8:ae00:a::/64', '2001:db8:ae00:0:a::/80'],
    ['2001:db8:ae00::/40', 255, 'vxlanff', '2001:db8:aeff::/48', '2001:db8:ae00:ff::/64', '2001:db8:ae00:0:ff::/80'],
    ['2001:db8::/32', 65535, 'vxlanffff', '2001:db8:ffff::/48', '2001:db8:0:ffff::/64', '2001:db8:0:0:ffff::/80'],
    [
      '2001:db8:e000::/36',
      4095,
      'vxlanfff',
      '2001:db8:efff::/48',
      '2001:db8:e000:fff::/64',
      '2001:db8:e000:0:fff::/80',
    ],
    ['2001:db8:ae10::/44', 15, 'vxlan0f', '2001:db8:ae1f::/48', '2001:db8:ae10:f::/64', '2001:db8:ae10:0:f::/80'],
    ['2001:db8:ae10::/47', 1, 'vxlan01', '2001:db8:ae11::/48', '2001:db8:ae10:1::/64', '2001:db8:ae10:0:1::/80'],
  ])('%s gives spoke %i its seed addresses', (prefix, id, name, prefix48, prefix64, prefix80) => {
    expect(planOf(prefix, id)).toMatchObject({ interface: name, prefix48, prefix64, prefix80 });
  });

  test('the hub is ::1 and the spoke ::2 of the /80, the spoke ::1 of the /64 and the /48', () => {
    expect(planOf('2001:db8:ae00::/40', 10)).toMatchObject({
      hubAddress: '2001:db8:ae00:0:a::1',
      spokeAddress80: '2001:db8:ae00:0:a::2',
      spokeAddress64: '2001:db8:ae00:a::1',
      spokeAddress48: '2001:db8:ae0a::1',
      hubMac: '02:76:78:00:0a:01',
      spokeMac: '02:76:78:00:0a:02',
      table: 30010,
      priority: 20080,
    });
  });
});

const fleet = fc
  .record({
    length: fc.integer({ min: 32, max: 47 }),
    seed: fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 40 }),
  })
  .map(({ length, seed }) => {
    const ids = [...new Set(seed.map((id) => (id % (2 ** (48 - length) - 1)) + 1))];
    return inventory(
      `2001:db8::/${length}`,
      ids.map((id) => spoke(`s${id}`, id)),
    );
  });

test('all prefixes of all spokes are disjoint and inside the prefix', () => {
  fc.assert(
    fc.property(fleet, (input) => {
      const prefixes = makePlan(input).tunnels.flatMap((tunnel) => [tunnel.prefix80, tunnel.prefix64, tunnel.prefix48]);
      const ranges = prefixes
        .map((text) => new Address6(text))
        .map((address) => ({ first: address.startAddress().bigInt(), last: address.endAddress().bigInt() }))
        .sort((left, right) => (left.first < right.first ? -1 : 1));
      const whole = new Address6(input.prefix);
      expect(ranges[0]!.first >= whole.startAddress().bigInt()).toBe(true);
      expect(ranges.at(-1)!.last <= whole.endAddress().bigInt()).toBe(true);
      ranges.slice(1).forEach((range, index) => expect(range.first > ranges[index]!.last).toBe(true));
    }),
  );
});

test("keeps a spoke's plan whatever the other spokes, their order and the LIMIT are", () => {
  fc.assert(
    fc.property(fleet, (input) => {
      const reversed = makePlan({ ...input, spokes: input.spokes.toReversed() });
      expect(reversed).toEqual(makePlan(input));
      for (const one of input.spokes) {
        const alone = makePlan({ ...input, spokes: [one] }).tunnels;
        expect(selectTunnels(reversed, [one.name]).tunnels).toEqual(alone);
      }
    }),
  );
});

test('writes addresses as RFC 5952 and ip-address do', () => {
  const group = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 0xffffn }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const address = groups.reduce((sum, value) => (sum << 16n) + value, 0n);
      expect(addressText(address)).toBe(Address6.fromBigInt(address).correctForm());
    }),
  );
});

test('rule priorities stay below the main rule and are unique in a /36', () => {
  const seen = new Set<number>();
  for (let id = 1; id <= 65_535; id++) {
    const first = rulePriority(id);
    expect(first > 20_000 && first + 1 < 32_766 && first % 2 === 0).toBe(true);
    if (id <= 255) expect(first).toBe(20_000 + 8 * id);
    if (id <= 4095) seen.add(first);
  }
  expect(seen.size).toBe(4095);
});
