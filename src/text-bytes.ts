/**
 * Text of a host's files, which need not be UTF-8, there and back without a loss. A byte that is none becomes a lone surrogate, U+DC80 to U+DCFF,
 * which no UTF-8 makes (Python calls it surrogateescape). Both ways take memory in proportion to the text, whatever it is.
 */
import { isUtf8 } from 'node:buffer';

/** Where the surrogates of bytes 0x80 to 0xff begin. */
const ESCAPE = 0xdc00;

export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  // A byte makes one unit of UTF-16 at most.
  const units = Buffer.allocUnsafe(bytes.length * 2);
  let end = 0;
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    const code = length === 0 ? ESCAPE + (bytes[at] ?? 0) : codeAt(bytes, at, length);
    if (code <= 0xffff) end = units.writeUInt16LE(code, end);
    else {
      end = units.writeUInt16LE(0xd800 + ((code - 0x10000) >> 10), end);
      end = units.writeUInt16LE(0xdc00 + ((code - 0x10000) & 0x3ff), end);
    }
    at += Math.max(length, 1);
  }
  return units.toString('utf16le', 0, end);
}

/** Bytes of the character that begins there (RFC 3629, section 4); 0: none does. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (let next = 1; next < length; next++) if (((bytes[at + next] ?? 0) & 0xc0) !== 0x80) return 0;
  if (length < 3) return length;
  // Written longer than need be, a surrogate, or beyond the last character.
  const second = bytes[at + 1] ?? 0;
  const isBad =
    (first === 0xe0 && second < 0xa0) ||
    (first === 0xed && second > 0x9f) ||
    (first === 0xf0 && second < 0x90) ||
    (first === 0xf4 && second > 0x8f);
  return isBad ? 0 : length;
}

function codeAt(bytes: Buffer, at: number, length: number): number {
  const first = bytes[at] ?? 0;
  let code = length === 1 ? first : first & (0xff >> (length + 1));
  for (let next = 1; next < length; next++) code = (code << 6) | ((bytes[at + next] ?? 0) & 0x3f);
  return code;
}

const ESCAPED = /[\udc80-\udcff]/u;

export function bytesOf(text: string): Buffer {
  if (!ESCAPED.test(text)) return Buffer.from(text, 'utf8');
  // A unit of UTF-16 makes three bytes at most.
  const bytes = Buffer.allocUnsafe(text.length * 3);
  let end = 0;
  let from = 0;
  for (const { index } of text.matchAll(new RegExp(ESCAPED, 'gu'))) {
    end += bytes.write(text.slice(from, index), end, 'utf8');
    end = bytes.writeUInt8(text.charCodeAt(index) - ESCAPE, end);
    from = index + 1;
  }
  end += bytes.write(text.slice(from), end, 'utf8');
  return Buffer.from(bytes.subarray(0, end));
}
