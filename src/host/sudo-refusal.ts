/** Why sudo did not make the login root, from what it said in C's words (sudo 1.9: plugins/sudoers/check.c, sudoers.c, logging.c). Pure. */
import { VxfleetError, type ErrorCode } from '../errors.js';
import type { SudoSign } from './sudo-signs.js';

export interface SudoFailure {
  readonly host: string;
  /** The login, if the inventory names it. */
  readonly user: string | undefined;
  /** The sign that came in place of root. */
  readonly sign: SudoSign;
  /** Everything else that sudo, PAM, or a start-up file has printed. */
  readonly said: string;
  /** Whose password sudo has been given; undefined = none. */
  readonly askedFor: string | undefined;
  readonly timeoutMs: number;
}

/** What it is and what to do next. `login` may stand in a sentence, `user` in a sudoers rule. */
interface Known {
  readonly pattern: RegExp;
  readonly tell: (words: { readonly host: string; readonly login: string; readonly user: string }) => [string, string];
}

/** Characters of what was said that are quoted: some of sudo's sentences have our whole command in them. */
const MOST_WORDS = 120;

const ruleFor = (user: string): string =>
  `a rule that is enough, for visudo -f /etc/sudoers.d/vxfleet there: ${user} ALL=(root) NOPASSWD: /usr/bin/bash`;

/** The first that fits: sudo may say several of these. */
const KNOWN: readonly Known[] = [
  {
    pattern: /^vxfleet: .*exec: sudo: /m,
    tell: ({ host }) => [
      `${host} has no sudo`,
      'apt-get install sudo there, or log in as root: ssh.user: root, without become',
    ],
  },
  {
    pattern: /must have a tty/,
    tell: ({ host, user }) => [
      `sudo on ${host} wants a terminal (requiretty)`,
      `vxfleet has none there; for visudo -f /etc/sudoers.d/vxfleet: Defaults:${user} !requiretty`,
    ],
  },
  {
    pattern: /syntax error/,
    tell: ({ host }) => [
      `sudoers on ${host} has a syntax error`,
      'visudo -c there, as root, names the file and the line',
    ],
  },
  {
    pattern: /not in the sudoers file|may not run sudo|is not allowed to (?:execute|run)/,
    tell: ({ host, login, user }) => [`sudo on ${host} does not let ${login} run bash as root`, ruleFor(user)],
  },
  {
    // Without a password sudo says so also to those who are in no rule.
    pattern: /a password is required/,
    tell: ({ host, login, user }) => [
      `sudo on ${host} wants a password, or has no rule for ${login} (sudo -n does not say which)`,
      `--ask-become-pass asks you for the password; ${ruleFor(user)}`,
    ],
  },
];

export function sudoRefusal({ host, user = 'USER', sign, said, askedFor, timeoutMs }: SudoFailure): VxfleetError {
  const login = user === 'USER' ? 'the login' : user;
  const error = (code: ErrorCode, message: string, hint: string): VxfleetError =>
    new VxfleetError(code, `${message}${quoteWords(said)}`, { host, hint });
  const attempt = `try it there, as ${login}: sudo bash -c true`;
  if (sign.kind === 'ended' && sign.end.lost !== null) {
    return error('lost', `lost ${host} before sudo had started anything: ${sign.end.lost}`, 'run the command again');
  }
  if (sign.kind === 'silent') {
    const what = askedFor === undefined ? 'neither asked for a password nor started bash' : 'did not start bash';
    return error('timeout', `sudo on ${host} ${what} within ${timeoutMs / 1000} s`, attempt);
  }
  if (sign.kind === 'asks' || /incorrect password attempt/.test(said)) {
    const whose = askedFor ?? login;
    return error(
      'auth',
      `sudo on ${host} did not take the password for ${whose}`,
      `it was tried once; sudo asks for the password of ${whose} on that host, and for nothing more: ${attempt}`,
    );
  }
  const known = KNOWN.find(({ pattern }) => pattern.test(said));
  if (known !== undefined) return error('auth', ...known.tell({ host, login, user }));
  const status = sign.kind === 'ended' ? (sign.end.signal ?? `status ${sign.end.exitCode ?? 'unknown'}`) : 'no reason';
  return error('auth', `sudo on ${host} did not start bash: it ended with ${status}`, attempt);
}

/** Sudo's own last words, or else whoever's; empty when nothing was said. The lecture that may come before them is left out. */
function quoteWords(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const words = lines.findLast((line) => line.startsWith('sudo: ')) ?? lines.at(-1);
  if (words === undefined) return '';
  return ` (${words.length > MOST_WORDS ? `${words.slice(0, MOST_WORDS)}…` : words.trim()})`;
}
