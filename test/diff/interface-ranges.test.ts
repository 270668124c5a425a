import { describe, expect, it } from 'vitest';
import { formatInterfaceRanges } from '../../src/diff/interface-ranges.js';

describe('formatInterfaceRanges', () => {
  it.each([
    [[], ''],
    [[1], 'vxlan01'],
    [[1, 2, 3, 10], 'vxlan01-03, vxlan0a'],
    [[65, ...Array.from({ length: 63 }, (_, n) => n + 1)], 'vxlan01-3f, vxlan41'],
    [[255, 254, 254], 'vxlanfe-ff'],
    [[4095, 255, 256], 'vxlanff-100, vxlanfff'],
  ])('joins neighbours in ascending order: %j', (ids, text) => {
    expect(formatInterfaceRanges(ids)).toBe(text);
  });
});
