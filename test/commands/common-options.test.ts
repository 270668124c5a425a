import { describe, expect, it } from 'vitest';
import { parseCount, parseShare } from '../../src/commands/common-options.js';

describe('a count', () => {
  it.each([
    ['1', 1],
    ['32', 32],
  ])('is a whole number: %s', (text, value) => {
    expect(parseCount(1)(text)).toBe(value);
  });

  it.each(['0', '-1', '1.5', '', ' ', '0x10', '1e3', 'ten', '99999999999999999999'])('is not %j', (text) => {
    expect(() => parseCount(1)(text)).toThrow('a whole number of at least 1');
  });

  it('may be 0 where that means none', () => {
    expect(parseCount(0)('0')).toBe(0);
  });
});

describe('--max-fail', () => {
  it.each([
    ['0', 255, 0],
    ['3', 255, 3],
    ['10%', 255, 25],
    ['10%', 8, 0],
    ['100%', 8, 8],
    ['0%', 8, 0],
  ])('%s of %i tunnels is %i', (text, total, most) => {
    expect(parseShare(text)(total)).toBe(most);
  });

  it.each(['-1', '1.5', '101%', '%', '', '10 %', 'all'])('is not %j', (text) => {
    expect(() => parseShare(text)).toThrow();
  });
});
