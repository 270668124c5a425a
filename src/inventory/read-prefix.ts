import { Address6 } from 'ip-address';
import { quote, type Reading } from './reading.js';

/** Bounds of the prefix length: a /47 has one spoke, a /32 has 65535, and beyond it the ids would not fit the plan. */
const PREFIX_LENGTH = { min: 32, max: 47 } as const;

/** The largest id that a prefix of this length has room for: every spoke takes a /48, and the first /48 holds the link prefixes. */
export const maxId = (prefixLength: number): number => 2 ** (48 - prefixLength) - 1;

/** The parsed prefix; `text` is RFC 5952. */
export interface Prefix {
  readonly text: string;
  readonly length: number;
  readonly network: Address6;
}

/** Reads the fleet's prefix; anything but a routable network of /32 to /47 without host bits is refused. */
export function readPrefix(text: string): Reading<Prefix> {
  if (text === '') return { wrong: 'the prefix is empty; it must be IPv6, like 2001:db8:ae00::/40' };
  if (text.includes('%')) {
    return {
      wrong: `${quote(text)} has a zone; a routed prefix has none`,
      fix: fixIfPrefix(text.replace(/%[^/]*/, '')),
    };
  }
  const [addressText = '', lengthText, ...rest] = text.split('/');
  const network = parse(addressText);
  if (network === undefined || rest.length > 0) {
    const family = /^[0-9]+(\.[0-9]+){3}$/.test(addressText) ? 'IPv4' : 'not an IPv6 prefix';
    return { wrong: `${quote(text)} is ${family}; the prefix must be IPv6, like 2001:db8:ae00::/40` };
  }
  if (lengthText === undefined)
    return { wrong: `${quote(text)} has no length`, fix: `${addressText}/40, or another length from /32 to /47` };
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(lengthText) || Number(lengthText) > 128) {
    return { wrong: `"/${lengthText.slice(0, 20)}" is not a prefix length; it must be a decimal number from 32 to 47` };
  }
  const length = Number(lengthText);
  if (length > PREFIX_LENGTH.max) {
    return {
      wrong: `a /${length} is too long: every spoke takes a /48 of it and the first /48 is the hub's, so /47 is the longest`,
    };
  }
  if (length < PREFIX_LENGTH.min) {
    return {
      wrong: `a /${length} is too short: ids have 16 bits at most, so /32 is the shortest`,
      fix: 'take a /32 out of it',
    };
  }
  const kind = unroutable(network);
  if (kind !== undefined)
    return { wrong: `${quote(text)} is ${kind}; the prefix must be unicast space that can be routed` };
  const start = new Address6(`${addressText}/${length}`).startAddress();
  const canonical = `${start.correctForm()}/${length}`;
  if (start.bigInt() !== network.bigInt()) {
    return { wrong: `${quote(text)} has host bits set: a /${length} ends before them`, fix: canonical };
  }
  return { value: { text: canonical, length, network: new Address6(canonical) } };
}

/** Whether an address lies inside the prefix; text that is no IPv6 address does not. A zone does not matter. */
export function isInPrefix(addressText: string, prefix: Prefix): boolean {
  const address = parse(addressText.replace(/%.*$/, ''));
  return address !== undefined && address.isInSubnet(prefix.network);
}

/** Reads the anchor: an IPv6 unicast address beyond the hub, normalised to RFC 5952. */
export function readAnchor(text: string): Reading<string> {
  const address = text.includes('/') || text.includes('%') ? undefined : parse(text);
  if (address === undefined) return { wrong: `${quote(text)} is not a plain IPv6 address (no length, no zone)` };
  const kind = unroutable(address);
  if (kind !== undefined)
    return { wrong: `${quote(text)} is ${kind}; the anchor is an address that the hub routes to` };
  return { value: address.correctForm() };
}

function unroutable(address: Address6): string | undefined {
  const bits = address.bigInt();
  if (bits >> 120n === 0xffn) return 'multicast';
  if (bits >> 118n === 0x3fan) return 'link-local';
  // ::/8 holds the unspecified address, loopback and every form of embedded IPv4.
  if (bits >> 120n === 0n) return 'in ::/8, which is reserved (unspecified, loopback, mapped IPv4)';
  return undefined;
}

const fixIfPrefix = (text: string): string | undefined => (parse(text.split('/')[0] ?? '') ? text : undefined);

function parse(text: string): Address6 | undefined {
  // Only what an IPv6 address is made of: the parser is more generous (lengths, zones, surrounding space). It throws for the rest, which is
  // slow, and each spoke's IPv4 address comes by here.
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(':')) return undefined;
  try {
    return new Address6(text);
  } catch {
    return undefined;
  }
}
