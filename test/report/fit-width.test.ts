import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { cutToWidth, wrapToWidth } from '../../src/report/fit-width.js';

describe('cutToWidth', () => {
  it('marks what it cut', () => {
    expect([cutToWidth('abc', 3), cutToWidth('abcd', 3), cutToWidth('abcd', 0)]).toEqual(['abc', 'ab…', '']);
  });
});

describe('wrapToWidth', () => {
  it('lines further lines up with the text of the first', () => {
    expect(wrapToWidth('  why     one two three', 20)).toEqual(['  why     one two', '          three']);
  });

  it('fits every line and keeps every word', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ') });
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 20 }), (raw, width) => {
        const lines = wrapToWidth(raw, width);
        expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(raw.replaceAll(' ', ''));
      }),
    );
  });
});
