/** One jump host of `ssh.proxy_jump`. */
import { isIPv6 } from 'node:net';
import type { SshTarget } from './inventory.js';
import { readInteger } from './read-integer.js';
import { readSshHost, readSshUser } from './read-text.js';
import { quote, type Reading } from './reading.js';

/** `hub` is the fleet's hub, reached as the inventory says; all else is a host by itself. */
export type JumpHop = 'hub' | Pick<SshTarget, 'host' | 'port' | 'user'>;

/** For editors: `[user@]host[:port]`. */
export const JUMP_HOP_PATTERN =
  /^([A-Za-z0-9_][A-Za-z0-9_.@+-]*@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_:][A-Za-z0-9_.:%-]*)(:[0-9]+)?$/;

const readPort = readInteger({ min: 1, max: 65535 });

/** Reads `hub` or `[user@]host[:port]`, an IPv6 address with a port in brackets, as ssh's ProxyJump has it. */
export function readJumpHop(text: string): Reading<JumpHop> {
  if (text === 'hub') return { value: 'hub' };
  if (text === 'none') return { wrong: '"none" is no jump host', fix: 'an empty list, [], stands for none' };
  if (text.includes(',')) return { wrong: `${quote(text)} has a comma in it`, fix: `[${text.replace(/, */g, ', ')}]` };
  const at = text.lastIndexOf('@');
  const user: Reading<string | undefined> = at < 0 ? { value: undefined } : readSshUser(text.slice(0, at));
  if ('wrong' in user) return user;
  const place = splitPort(text.slice(at + 1));
  const host = readSshHost(place.host);
  if ('wrong' in host) return host;
  const port: Reading<number | undefined> = place.port === undefined ? { value: undefined } : readPort(place.port);
  if ('wrong' in port) return port;
  return { value: { host: host.value, port: port.value, user: user.value } };
}

function splitPort(text: string): { readonly host: string; readonly port: string | undefined } {
  const [, address, bracketPort] = /^\[([^\]]*)\](?::(.*))?$/.exec(text) ?? [];
  if (address !== undefined) return { host: address, port: bracketPort };
  const colon = text.lastIndexOf(':');
  return colon < 0 || isIPv6(text)
    ? { host: text, port: undefined }
    : { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** The jump host as a target of its own; what is not said follows from ssh_config. */
export const toJumpTarget = (
  { host, port, user }: Exclude<JumpHop, 'hub'>,
  { isOfInventory }: Pick<SshTarget, 'isOfInventory'>,
): SshTarget => ({
  host,
  port,
  user,
  isOutside: true,
  isOfInventory,
  identityFile: undefined,
  proxyJump: undefined,
});
