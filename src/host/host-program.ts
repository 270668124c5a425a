/** The program that is sent to hosts: host.pl with its parts in their places; and what is sent after it, where it is needed. */
import { readFileSync } from 'node:fs';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/**
 * Without the comments and the indentation, which are half of it. Without strict and warnings too: they hold for the text that is checked here,
 * and every host would load them anew. ASCII alone: a character is a byte.
 */
const programOf = (path: string): string =>
  read(path)
    .replace(/^require '(\.\/program\/[a-z0-9-]+\.pl)';$/gm, (_, part: string) => `{\n${read(part)}\n}`)
    .replace(/^use (?:strict|warnings);$|^1;$/gm, '')
    .replace(/^\s*(?:#.*)?\n/gm, '')
    .replace(/^ +/gm, '');

/** What every host is sent: all that looks. */
export const HOST_PROGRAM = programOf('./host.pl');
/** For the first command that sends packets. */
export const PACKETS_PROGRAM = programOf('./packets.pl');
/** For the first command that changes something, behind PACKETS_PROGRAM. */
export const CHANGE_PROGRAM = programOf('./change.pl');
