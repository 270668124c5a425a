/** Who does what: kept with every change on the hosts, and told to a second operator. */
import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { RunIdentity } from '../host/host-session.js';

/** @param argv the command line without the program's name */
export function makeRunIdentity(argv: readonly string[] = process.argv.slice(2), now = new Date()): RunIdentity {
  const since = `${now.toISOString().slice(0, 19)}Z`;
  return {
    // Sorts by time, and two controllers never make the same.
    run: `${since.replace(/[-:Z]/g, '')}-${randomBytes(3).toString('hex')}`,
    operator: `${userName()}@${hostname()}`,
    since,
    command: argv.join(' '),
  };
}

/** The person behind sudo; a uid without a name in passwd is itself. */
function userName(): string {
  const sudoUser = process.env['SUDO_USER'] ?? '';
  if (sudoUser !== '') return sudoUser;
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
