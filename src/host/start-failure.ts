/** Why a host that let us in did not run our program, from what it said and how it ended. Pure. */
import { VxfleetError, type ErrorCode } from '../errors.js';
import type { SessionEnd } from '../ssh/transport.js';
import { START_STATUS } from './starter.js';

export interface FailedStart {
  readonly host: string;
  /** The login, if the inventory names it. */
  readonly user: string | undefined;
  /** Undefined: it has not ended, and said nothing of ours for `timeoutMs`. */
  readonly end: Pick<SessionEnd, 'exitCode' | 'signal'> | undefined;
  /** What came in place of our program's answers, on stdout and stderr. */
  readonly said: string;
  readonly timeoutMs: number;
}

/** What it is and what to do next. */
interface Known {
  readonly fits: (start: FailedStart) => boolean;
  readonly tell: (words: { readonly host: string; readonly login: string; readonly said: string }) => [string, string];
}

/** Characters of what was said that are quoted. */
const MOST_WORDS = 160;

const START_UP_FILES = 'a start-up file of the login shell (.bashrc, .zshenv, config.fish)';
/** That sshd runs another command than ours looks like a start-up file that does. */
const CULPRITS = `${START_UP_FILES}, ForceCommand in sshd_config, or command= in authorized_keys`;
const ONLY_ON_A_TERMINAL = 'let it do so on a terminal alone: [ -t 0 ] && …';

const endsWith = (status: number) => (start: FailedStart) => start.end?.exitCode === status;

/** What env and the shells say of a program that they do not find: perl, and bash before sudo. */
const MISSING =
  /\b(bash|env): (?:command )?not found|not found: (bash|env)$|Unknown command: '?(bash|env)\b|^env: \W*(perl)\W*: /im;

/** The first that fits. */
const KNOWN: readonly Known[] = [
  {
    fits: endsWith(START_STATUS.isScript),
    tell: ({ host }) => [
      `a shell on ${host} ran in place of vxfleet's program`,
      `${CULPRITS} starts a shell without the command that was asked for (such as exec zsh): ${ONLY_ON_A_TERMINAL}`,
    ],
  },
  {
    fits: endsWith(START_STATUS.isRead),
    tell: ({ host }) => [
      `something on ${host} has read what was meant for vxfleet's program`,
      `${START_UP_FILES} reads stdin, or starts something that does: ${ONLY_ON_A_TERMINAL}`,
    ],
  },
  {
    fits: endsWith(START_STATUS.isUnfit),
    tell: ({ host }) => [`vxfleet's program cannot run on ${host}`, 'mount -t proc proc /proc there'],
  },
  {
    // nologin(8); whoever has another shell of the kind is told by his own words.
    fits: ({ said }) => /account is currently not available/.test(said),
    tell: ({ host, login }) => [
      `${login} on ${host} has no shell`,
      `chsh -s /bin/bash there; or log in as somebody who may become root: ssh.user and ssh.become: true`,
    ],
  },
  {
    // tcsh ends with 1, the others with 127.
    fits: ({ said }) => MISSING.test(said),
    tell: ({ host, login, said }) => {
      const program =
        MISSING.exec(said)
          ?.slice(1)
          .find((name) => name !== undefined) ?? '';
      return [
        `${login} on ${host} finds no ${program}`,
        `apt-get install ${program === 'perl' ? 'perl-base' : program}; or is PATH set to something else, in a start-up file of the login shell or in /etc/environment?`,
      ];
    },
  },
];

/** Code protocol: the host answered something else than was asked for; timeout when it answered nothing. Nothing was touched. */
export function startFailure(start: FailedStart): VxfleetError {
  const { host, user, end, timeoutMs } = start;
  const login = user ?? 'the login';
  const error = (code: ErrorCode, message: string, hint: string): VxfleetError =>
    new VxfleetError(code, `${message}${quoteWords(start.said)}`, { host, hint });
  const known = KNOWN.find(({ fits }) => fits(start));
  if (known !== undefined) return error('protocol', ...known.tell({ host, login, said: start.said }));
  const hint = `${CULPRITS} may be in the way: an ssh to it with the command \`perl -v\` has to print the version, and end`;
  if (end === undefined) {
    const message = `${host} let ${login} in, but did not start vxfleet's program within ${timeoutMs / 1000} s`;
    return error('timeout', message, hint);
  }
  const how = end.signal ?? `status ${end.exitCode ?? 'unknown'}`;
  return error('protocol', `${host} let ${login} in, and ended with ${how} before it ran vxfleet's program`, hint);
}

/** The last line that says something; of an echo that it is one. The line is a sign of life, which every session is sent four times a window. */
function quoteWords(said: string): string {
  if (/^0 alive 0\r?$/m.test(said)) return ' (it sends back what it is sent)';
  const words = said
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '');
  if (words === undefined) return '';
  return ` (${words.length > MOST_WORDS ? `${words.slice(0, MOST_WORDS)}…` : words})`;
}
