/** The program that is sent to every host: host.pl with its parts in their places. */
import { readFileSync } from 'node:fs';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/**
 * Without the comments and the indentation, which are half of it: every host is sent the whole. Without strict and warnings too, which
 * hold for the text that is checked here, and would take Perl longer to load than all the rest. ASCII alone: a character is a byte.
 */
export const HOST_PROGRAM = read('./host.pl')
  .replace(/^require '(\.\/program\/[a-z0-9-]+\.pl)';$/gm, (_, path: string) => `{\n${read(path)}\n}`)
  .replace(/^use (?:strict|warnings);$|^1;$/gm, '')
  .replace(/^\s*(?:#.*)?\n/gm, '')
  .replace(/^ +/gm, '');
