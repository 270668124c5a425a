/** The program that is sent to every host: host.bash with its parts in their places. */
import { readFileSync } from 'node:fs';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/** Without the comments, which are half of it: every host is sent the whole. ASCII alone: it is counted in characters and read in bytes. */
export const HOST_PROGRAM = read('./host.bash')
  .replace(/^\. (\.\/program\/[a-z0-9-]+\.bash)$/gm, (_, path: string) => read(path))
  .replace(/^ *#.*\n/gm, '');
