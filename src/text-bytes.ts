/**
 * Text of a host's files, which need not be UTF-8, there and back without a loss. A byte that is none becomes a lone surrogate, U+DC80 to U+DCFF,
 * which no UTF-8 makes (Python calls it surrogateescape).
 */
import { isUtf8 } from 'node:buffer';

/** Where the surrogates of bytes 0x80 to 0xff begin. */
const ESCAPE = 0xdc00;
const LONGEST_CHARACTER = 4;

export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const parts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes.subarray(at, at + LONGEST_CHARACTER));
    const part = bytes.subarray(at, at + Math.max(length, 1));
    parts.push(length === 0 ? String.fromCharCode(ESCAPE + (part[0] ?? 0)) : part.toString('utf8'));
    at += part.length;
  }
  return parts.join('');
}

/** 0: it begins with no character. */
function characterLength(bytes: Buffer): number {
  for (let length = 1; length <= bytes.length; length++) if (isUtf8(bytes.subarray(0, length))) return length;
  return 0;
}

export function bytesOf(text: string): Buffer {
  // The groups of split are the separators: every other piece is one escaped byte.
  const pieces = text.split(/([\udc80-\udcff])/u);
  return Buffer.concat(
    pieces.map((piece, index) =>
      index % 2 === 0 ? Buffer.from(piece, 'utf8') : Buffer.from([piece.charCodeAt(0) - ESCAPE]),
    ),
  );
}
