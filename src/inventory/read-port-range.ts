import type { PortRange } from './inventory.js';
import { readInteger } from './read-integer.js';
import { quote, type Reader } from './reading.js';

/** A range as a person writes it; a single port is a number like any other. Also the pattern of the JSON Schema. */
export const PORT_RANGE_PATTERN = /^(?:[0-9]+|0[xX][0-9a-fA-F]+)(?:-(?:[0-9]+|0[xX][0-9a-fA-F]+))?$/;

/** The kernel keeps the end of the range plus one in 16 bits. */
const readPort = readInteger({ min: 1, max: 65_534 });

/** Reads a UDP port, `4789`, or a range with both ends included, `49152-49167`. */
export const readPortRange: Reader<PortRange> = (text) => {
  const parts = text.split('-').map((part) => part.trim());
  if (text.startsWith('-') || parts.length > 2) {
    return { wrong: `${quote(text)} is not a port or a range of ports, like 49152-49167` };
  }
  const [low, high = low] = parts.map(readPort);
  if (low === undefined || high === undefined) return { wrong: 'the value is empty' };
  if ('wrong' in low) return low;
  if ('wrong' in high) return high;
  if (low.value > high.value) {
    return { wrong: `${quote(text)} ends before it begins`, fix: `${high.value}-${low.value}` };
  }
  return { value: { low: low.value, high: high.value } };
};
