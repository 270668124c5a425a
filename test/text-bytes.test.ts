import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, textOf } from '../src/text-bytes.js';

describe('textOf', () => {
  it('is the text of what is UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(textOf(Buffer.from(text, 'utf8'))).toBe(text);
        expect(bytesOf(text)).toEqual(Buffer.from(text, 'utf8'));
      }),
    );
  });

  it('keeps the readable rest of what is not', () => {
    const latin1 = Buffer.from('# Büro\nauto vxlan01\n', 'latin1');
    expect(textOf(latin1)).toBe('# B\udcfcro\nauto vxlan01\n');
  });

  it.each([
    ['a byte of Latin-1', [0x41, 0xe9, 0x42]],
    ['a character that is cut off', [0xe2, 0x82]],
    ['a surrogate written as three bytes', [0xed, 0xb2, 0x80]],
    ['a byte that is no character beside a replacement character', [0xff, 0xef, 0xbf, 0xbd]],
  ])('comes back as the same bytes: %s', (_, bytes) => {
    expect([...bytesOf(textOf(Buffer.from(bytes)))]).toEqual(bytes);
  });

  it('comes back as the same bytes, whatever they are', () => {
    const pieces = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const bytes = Buffer.concat(parts);
        expect(bytesOf(textOf(bytes)).equals(bytes)).toBe(true);
      }),
    );
  });
});
