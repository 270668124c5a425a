/** A program that runs as root though the login is not: sudo's side of it (docs/ssh.md, "Not root"). */
import { randomBytes } from 'node:crypto';
import type { SshTarget } from '../inventory/inventory.js';
import type { VxfleetError } from '../errors.js';
import { shellQuote } from '../ssh/shell-quote.js';
import type { Session, Transport } from '../ssh/transport.js';
import { startFailure } from './start-failure.js';
import { BASH, PERL } from './starter.js';
import { SudoSigns } from './sudo-signs.js';
import { sudoRefusal, type SudoFailure } from './sudo-refusal.js';

/** How long sudo may think before it asks, and again before it starts the program, in ms: it looks up names, and PAM may ask a directory. */
const SUDO_TIMEOUT_MS = 20_000;
/** How long a refused sudo may take to end on the end of its stdin, in ms: PAM makes whoever was wrong wait for some seconds. */
const CLOSE_GRACE_MS = 5000;

/**
 * Opens a session and resolves when `starter` runs as root. sudo shares its stdin with what it starts: so the password is written only when
 * sudo has asked for it, once, and the caller has the session only when sudo is done. Rejects as `transport.open` does; with protocol when
 * the login shell does not start bash, auth when sudo refuses, lost, or timeout. The session is closed then.
 * @param starter for `perl -e`; without single quotes, backslashes and `!`, so that every login shell hands it on as it is
 * @param password for sudo's stdin; undefined: sudo must not ask for any
 */
export async function openAsRoot(
  transport: Transport,
  host: string,
  target: SshTarget,
  starter: string,
  password: string | undefined,
): Promise<Session> {
  // Nothing that a start-up file or a lecture prints can be taken for it.
  const mark = `vxfleet-${randomBytes(8).toString('hex')}`;
  const session = await transport.open(host, target, sudoCommand(mark, starter, password !== undefined));
  const signs = new SudoSigns(session, mark);
  let askedFor: string | undefined;
  let sign = await signs.next(SUDO_TIMEOUT_MS);
  if (sign.kind === 'asks' && password !== undefined) {
    askedFor = sign.whose;
    session.write(`${password}\n`);
    sign = await signs.next(SUDO_TIMEOUT_MS);
  }
  if (sign.kind === 'root') return signs.handOver();
  await session.close(CLOSE_GRACE_MS);
  // No terminal echoes the password; but this text is a host's, and may be anything.
  const said = password === undefined ? signs.said : signs.said.replaceAll(password, '[password]');
  throw refusalOf({ host, user: target.user, sign, said, askedFor, timeoutMs: SUDO_TIMEOUT_MS }, signs.hasLoginBash);
}

/** A login shell that does not start our bash has not asked sudo anything. */
function refusalOf(failure: SudoFailure, hasLoginBash: boolean): VxfleetError {
  const { sign } = failure;
  const isLost = sign.kind === 'ended' && sign.end.lost !== null;
  if (hasLoginBash || isLost || sign.kind === 'asks') return sudoRefusal(failure);
  return startFailure({ ...failure, end: sign.kind === 'ended' ? sign.end : undefined });
}

/**
 * The login shell, whichever it is, starts bash, and bash starts sudo: with stderr on stdout, where both are heard in order, and in C's words,
 * which `sudoRefusal` knows. A login that is root already needs no sudo. `-k` leaves no credentials behind that were not there.
 */
function sudoCommand(mark: string, starter: string, hasPassword: boolean): string {
  const sudo = hasPassword ? 'sudo -k -S -p "$1 asks %p:" --' : 'sudo -n --';
  const asLogin = [
    'exec 2>&1; export LC_ALL=C; unset TMOUT POSIXLY_CORRECT; echo "$1 login"; become=()',
    `((EUID)) && become=(${sudo})`,
    `exec "\${become[@]}" ${BASH} -c "$2" vxfleet "$1" "\${SSH_CONNECTION-}" "$3"`,
  ].join('; ');
  // sudo drops SSH_CONNECTION. It is the login's word: nothing but addresses and ports gets on to root.
  const asRoot = `SSH_CONNECTION=\${2//[^0-9A-Za-z.:% _-]/}; export SSH_CONNECTION; echo "$1 root"; exec ${PERL} "$3"`;
  return `${BASH} ${shellQuote(['-c', asLogin, 'vxfleet', mark, asRoot, starter])}`;
}
