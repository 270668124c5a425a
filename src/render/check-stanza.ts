/** Every rendered file begins so; a file that does not is not ours. */
export const OWNER_PREFIX = '# Managed by vxfleet';

/** First line of a file of ours; the group is the interface it was rendered for. */
const OWNER_LINE = /^# Managed by vxfleet: tunnel (vxlan[0-9a-f]{2,4})\b/;

/** Whose tunnel a managed file is; undefined for one that we did not write. A template of the user's may leave the spoke's name away. */
export function ownerOf(text: string): { readonly interface: string; readonly spoke: string | undefined } | undefined {
  const line = text.slice(0, text.indexOf('\n'));
  const interfaceName = OWNER_LINE.exec(line)?.[1];
  if (interfaceName === undefined) return undefined;
  return { interface: interfaceName, spoke: /, spoke ([a-z0-9][a-z0-9-]*)\./.exec(line)?.[1] };
}

/** The peer's underlay address in a stanza's `ip link add`. */
export const remoteOf = (text: string): string | undefined => /\bremote ([0-9.]+)\b/.exec(text)?.[1];

/** The VXLAN network identifier in the same line; undefined where a template of the user's says it in another way. */
export function vniOf(text: string): number | undefined {
  const vni = Number(/\btype vxlan id (0x[0-9a-f]+|\d+)\b/i.exec(text)?.[1]);
  return Number.isNaN(vni) ? undefined : vni;
}

/** This end's own, in the same line. */
export const localOf = (text: string): string | undefined => /\blocal ([0-9.]+)\b/.exec(text)?.[1];

/** The policy rules that a stanza makes, `PRIORITY SOURCE` each. */
export const rulesOf = (text: string): string[] =>
  [...text.matchAll(/\brule (?:add|replace) (?:pref|priority) (\d+) from (\S+)/g)].map(
    ([, priority, source]) => `${priority} ${source}`,
  );

/** The end's first address, without its length: the stanza's own, or what a line of it adds. */
export const addressOf = (text: string): string | undefined =>
  /^[ \t]*(?:address|(?:post-)?up (?:exec )?ip -6 addr (?:add|replace)) ([0-9a-f:]+)/m.exec(text)?.[1];

/** Lines that begin something other than an option of the stanza above them (interfaces(5)). */
const TOP_LEVEL_LINE =
  /(?:^|\n)[^\S\n]*((?:auto|iface|mapping|source|source-directory|rename|no-auto-down|template|allow-\S+)(?!\S)[^\n]*)/g;

/** Whether a comment ends with its line is a matter of the ifupdown that reads it. */
const CONTINUED_COMMENT = /(?:^|\n)[^\S\n]*(#[^\n]*\\)(?:\n|$)/;

/**
 * Why a rendered file may not go to a host, or undefined when it may: it says who owns it and defines this one interface and
 * nothing else. Built-in templates pass by construction; one of the user's must not take over another interface of the host.
 */
export function checkStanza(text: string, interfaceName: string): string | undefined {
  if (OWNER_LINE.exec(text)?.[1] !== interfaceName) {
    return `the first line must begin "${OWNER_PREFIX}: tunnel ${interfaceName}", so that vxfleet knows the file again`;
  }
  const continued = CONTINUED_COMMENT.exec(text)?.[1];
  if (continued !== undefined) return `a comment must not be continued by a backslash: ${continued}`;
  let autos = 0;
  let stanzas = 0;
  for (const [, line = ''] of text.replaceAll('\\\n', '').matchAll(TOP_LEVEL_LINE)) {
    const [word, name, ...rest] = line.split(/\s+/);
    const isOurs = name === interfaceName && (word === 'iface' || (word === 'auto' && rest.length === 0));
    if (!isOurs) return `the file may define ${interfaceName} only, and not say: ${line}`;
    if (word === 'auto') autos++;
    else stanzas++;
  }
  if (stanzas !== 1) return `there must be one "iface ${interfaceName}" stanza, and there are ${stanzas}`;
  if (autos !== 1) return `there must be one line "auto ${interfaceName}", and there are ${autos}`;
  return undefined;
}
