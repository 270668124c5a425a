import { isIPv4, isIPv6 } from 'node:net';
import type { Mode } from './inventory.js';
import { nearName } from './near-name.js';
import { quote, type Reading } from './reading.js';

/** Both routing modes of a spoke. */
export const MODES: readonly [Mode, Mode] = ['gateway', 'policy'];

/** Names of spokes: as in host names, at most 63 letters. `hub` and names that read as an interface are refused besides. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** Tags, as `@tag` in LIMIT. */
export const TAG_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** Host names, IPv4 and IPv6 addresses, the last with a zone if need be. */
export const SSH_HOST_PATTERN = /^[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}(?:%[A-Za-z0-9_.-]{1,15})?$/;
/** Login names, also those of directories (`admin@example.net`). */
export const SSH_USER_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}$/;
/** Paths of files on the controller: anything without control characters. They reach neither a host nor a shell. */
// eslint-disable-next-line no-control-regex
export const PATH_PATTERN = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$/;

/** Reads a spoke's name. */
export function readName(text: string): Reading<string> {
  if (text === 'hub') return { wrong: '"hub" names the hub and cannot name a spoke' };
  if (/^vxlan[0-9a-f]{2,}$/.test(text))
    return { wrong: `${quote(text)} reads as an interface, so LIMIT could not tell them apart` };
  return readWord(text, 'a name', NAME_PATTERN);
}

/** Reads one tag. */
export const readTag = (text: string): Reading<string> => readWord(text, 'a tag', TAG_PATTERN);

function readWord(text: string, what: string, pattern: RegExp): Reading<string> {
  if (pattern.test(text)) return { value: text };
  const rule = `${what} has only a-z, 0-9 and "-"`;
  if (text === '') return { wrong: `${what} cannot be empty` };
  if (text.length > 63) return { wrong: `${quote(text)} has ${text.length} letters; ${what} has at most 63` };
  if (text.startsWith('-'))
    return { wrong: `${quote(text)} starts with "-"; ${rule} and starts with a letter or digit` };
  const tamed = text
    .toLowerCase()
    // Letters without their accents.
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/^@/, '')
    .replace(/[_. ]+/g, '-');
  return { wrong: `${quote(text)} is refused: ${rule}`, fix: pattern.test(tamed) ? tamed : undefined };
}

/** Reads a spoke's mode. */
export function readMode(text: string): Reading<Mode> {
  const mode = MODES.find((known) => known === text);
  if (mode !== undefined) return { value: mode };
  return { wrong: `${quote(text)} is not a mode; the modes are ${MODES.join(' and ')}`, fix: nearName(text, MODES) };
}

/** Reads where SSH connects to: a host name or an address, without user and port. */
export function readSshHost(text: string): Reading<string> {
  if (text === '') return { wrong: 'the host is empty' };
  if (text.startsWith('-')) return { wrong: `${quote(text)} starts with "-", which commands take for an option` };
  const bracketed = /^\[([0-9a-fA-F:.]+)\]$/.exec(text);
  if (bracketed) return { wrong: `${quote(text)} has brackets; an IPv6 address stands without`, fix: bracketed[1] };
  if (text.includes('@')) return { wrong: `${quote(text)} has a user in it`, fix: 'give the user as ssh.user' };
  if (!SSH_HOST_PATTERN.test(text)) return { wrong: `${quote(text)} is neither a host name nor an address` };
  const isAddress6 = isIPv6(text);
  if (/^[^:]+:[0-9]+$/.test(text))
    return { wrong: `${quote(text)} has a port in it`, fix: 'give the port as ssh.port' };
  if (/[:%]/.test(text) && !isAddress6) return { wrong: `${quote(text)} is not an IPv6 address` };
  if (/^[0-9]+(?:\.[0-9]+)*$/.test(text) && !isIPv4(text)) return { wrong: `${quote(text)} is not an IPv4 address` };
  return { value: text };
}

/** Reads the login name. */
export function readSshUser(text: string): Reading<string> {
  if (SSH_USER_PATTERN.test(text)) return { value: text };
  if (text === '') return { wrong: 'the user is empty' };
  return { wrong: `${quote(text)} is not a login name: letters, digits and _ . @ + -, not starting with "-"` };
}

/** Reads `true` or `false`, the only words that YAML 1.2 has for it. */
export function readBoolean(text: string): Reading<boolean> {
  if (text === 'true' || text === 'false') return { value: text === 'true' };
  const meant = /^(?:(true|yes|on|1)|false|no|off|0)$/i.exec(text);
  return {
    wrong: `${quote(text)} is neither true nor false`,
    fix: meant === null ? 'write true or false' : meant[1] === undefined ? 'false' : 'true',
  };
}

/** Reads `on` or `off`; who writes true or false is understood as well. */
export function readSwitch(text: string): Reading<boolean> {
  if (['on', 'true'].includes(text)) return { value: true };
  if (['off', 'false'].includes(text)) return { value: false };
  return { wrong: `${quote(text)} is neither on nor off`, fix: nearName(text, ['on', 'off']) };
}

/** Reads a path on the controller; it is made absolute when the inventory is assembled. */
export function readPath(text: string): Reading<string> {
  if (text === '') return { wrong: 'the path is empty' };
  if (!PATH_PATTERN.test(text)) return { wrong: `${quote(text)} has control characters` };
  if (/^~[^/]/.test(text)) return { wrong: `${quote(text)}: only your own home, ~/, is expanded` };
  const variable = /^\$(?:HOME|\{HOME\})\/(.*)$/.exec(text);
  if (variable) return { wrong: `${quote(text)}: variables are not expanded`, fix: `~/${variable[1]}` };
  return { value: text };
}
