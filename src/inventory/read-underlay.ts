import { isIPv6 } from 'node:net';
import { quote, type Reading } from './reading.js';

/** Longest interface name in bytes: the kernel's IFNAMSIZ is 16 with the closing NUL. */
const DEVICE_NAME_MAX = 15;

/** Interface names that may enter a stanza: a part of what the kernel takes, without anything that a shell or ifupdown reads. */
export const DEVICE_PATTERN = /^(?!\.{1,2}$)(?![vV][xX][lL][aA][nN])[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,14}$/;

/** Reads an underlay address: an IPv4 unicast address as a dotted quad. */
export function readUnderlayAddress(text: string): Reading<string> {
  if (isIPv6(text)) return { wrong: `${quote(text)} is IPv6; the underlay is IPv4, since the tunnels carry the IPv6` };
  const withLength = /^([0-9.]+)\/[0-9]+$/.exec(text);
  if (withLength)
    return { wrong: `${quote(text)} has a prefix length; the underlay is one address`, fix: withLength[1] };
  const parts = /^[0-9]{1,10}(?:\.[0-9]{1,10}){3}$/.test(text) ? text.split('.') : undefined;
  if (parts === undefined) return { wrong: `${quote(text)} is not an IPv4 address, like 198.51.100.1` };
  const tooLarge = parts.find((part) => Number(part) > 255);
  if (tooLarge !== undefined) return { wrong: `${quote(text)} is not an IPv4 address: ${tooLarge} is over 255` };
  const plain = parts.map(Number).join('.');
  // inet_aton reads 010 as 8: the two readings would name two hosts.
  if (plain !== text)
    return { wrong: `${quote(text)} has leading zeros, which some programs read as octal`, fix: plain };
  const kind = notUnicast(Number(parts[0]), text);
  if (kind !== undefined) return { wrong: `${quote(text)} is ${kind}; a tunnel needs a host's own unicast address` };
  return { value: text };
}

function notUnicast(first: number, text: string): string | undefined {
  if (text === '0.0.0.0') return 'the unspecified address';
  if (text === '255.255.255.255') return 'the broadcast address';
  if (first === 0) return 'in 0.0.0.0/8, which names no host';
  if (first === 127) return 'a loopback address';
  if (first >= 224 && first <= 239) return 'a multicast address';
  if (first >= 240) return 'in 240.0.0.0/4, which is reserved';
  return undefined;
}

/** Reads the name of the interface that carries the VXLAN packets. */
export function readDevice(text: string): Reading<string> {
  const length = Buffer.byteLength(text);
  if (text === '') return { wrong: 'the device name is empty' };
  if (text === '.' || text === '..') return { wrong: `the kernel refuses ${quote(text)} as an interface name` };
  if (length > DEVICE_NAME_MAX) {
    return {
      wrong: `${quote(text)} has ${length} bytes; the kernel takes interface names of at most ${DEVICE_NAME_MAX}`,
    };
  }
  if (/[/:\s]/.test(text))
    return { wrong: `${quote(text)} has a slash, colon or space, which the kernel refuses in an interface name` };
  if (/^vxlan/i.test(text)) {
    return {
      wrong: `${quote(text)} starts with vxlan: those names are the tunnels' own, and the underlay cannot run over one`,
    };
  }
  if (text.startsWith('-')) return { wrong: `${quote(text)} starts with "-", which commands take for an option` };
  if (!DEVICE_PATTERN.test(text)) return { wrong: `${quote(text)} may only have letters, digits and _ . + -` };
  return { value: text };
}
