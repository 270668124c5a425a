/** Who does what: kept with every change on the hosts, and told to a second operator. */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import type { RunIdentity } from '../host/host-session.js';
import { localUser } from '../ssh/local-user.js';

/**
 * The run's id is `YYYYMMDDTHHMMSS-` (UTC), two digits of base 36 for the milliseconds, so that ids sort as time does, and four at random, so that two
 * controllers never make the same.
 * @param argv the command line without the program's name
 */
export function makeRunIdentity(argv: readonly string[] = process.argv.slice(2), now = new Date()): RunIdentity {
  const since = `${now.toISOString().slice(0, 19)}Z`;
  return {
    run: `${since.replace(/[-:Z]/g, '')}-${inBase36(now.getMilliseconds(), 2)}${inBase36(randomInt(36 ** 4), 4)}`,
    operator: `${userName()}@${hostname()}`,
    since,
    command: argv.join(' '),
  };
}

let made: RunIdentity | undefined;

/** This process's, the same whenever it is asked for: a command is one run, however it ends. */
export const thisRun = (): RunIdentity => (made ??= makeRunIdentity());

const inBase36 = (value: number, digits: number): string => value.toString(36).padStart(digits, '0');

/** The person behind sudo. */
const userName = (): string => process.env['SUDO_USER'] || localUser().name;
