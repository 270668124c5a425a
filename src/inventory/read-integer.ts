import { quote, type Reader } from './reading.js';

/** The bounds of an integer field, both included, each with its reason where the number alone does not say it. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
  /** Why there is nothing below `min`. */
  readonly minReason?: string;
  /** Why there is nothing above `max`. */
  readonly maxReason?: string;
}

/** The integers a person may write: decimal digits, or hex digits after 0x. Also the pattern of the JSON Schema. */
export const INTEGER_PATTERN = /^(?:[0-9]+|0[xX][0-9a-fA-F]+)$/;

/** A number in both forms, so that nobody has to guess how it was read: `10 (0x0a)`. */
export function showInteger(value: number | bigint): string {
  const digits = value.toString(16);
  return `${value} (0x${digits.length % 2 === 0 ? digits : `0${digits}`})`;
}

/** A reader of integers in `range`: decimal unless 0x, so `08` is 8 and `0x0a` is 10. */
export function readInteger({ min, max, minReason, maxReason }: IntegerRange): Reader<number> {
  const expected = `a whole number from ${min} to ${max}, decimal or 0x hex`;
  return (text) => {
    if (!INTEGER_PATTERN.test(text)) return { wrong: `${describeNonInteger(text)}; it must be ${expected}` };
    const digits = text.toLowerCase().replace(/^(0x)?0+(?=[0-9a-f])/, '$1');
    // 32 digits are far past every bound, and BigInt of a million digits would take its time.
    if (digits.length > 32) return { wrong: `${quote(text)} is over ${showInteger(max)}` };
    const value = BigInt(digits);
    if (value < BigInt(min)) {
      return { wrong: `${showInteger(value)} is below ${showInteger(min)}${minReason ? `: ${minReason}` : ''}` };
    }
    if (value > BigInt(max)) {
      return { wrong: `${showInteger(value)} is over ${showInteger(max)}${maxReason ? `: ${maxReason}` : ''}` };
    }
    return { value: Number(value) };
  };
}

function describeNonInteger(text: string): string {
  if (text === '') return 'the value is empty';
  if (/^-[0-9]/.test(text)) return `${quote(text)} is negative`;
  if (/^[0-9]*\.[0-9]+$/.test(text)) return `${quote(text)} is a fraction`;
  return `${quote(text)} is not a whole number`;
}
