import { describe, expect, it } from 'vitest';
import { TextTail } from '../../src/ssh/text-tail.js';

const tailOf = (maxBytes: number, ...chunks: string[]): string => {
  const tail = new TextTail(maxBytes);
  for (const chunk of chunks) tail.push(Buffer.from(chunk));
  return tail.toString();
};

describe('TextTail', () => {
  it('keeps everything that fits', () => {
    expect(tailOf(8, 'abc', 'def')).toBe('abcdef');
  });

  it('keeps the last bytes across chunks and of one large chunk', () => {
    expect(tailOf(4, 'abc', 'def')).toBe('cdef');
    expect(tailOf(4, 'abc', 'defghij')).toBe('ghij');
  });

  it('leaves out a character that was cut in half', () => {
    expect(tailOf(4, 'aé€')).toBe('€');
  });
});
