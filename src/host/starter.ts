/** How the program comes to run, whatever the login shell is and whatever its start-up files do. */

/** Statuses with which a start that went wrong ends; bash's own for what cannot be run are 126 and 127. */
export const START_STATUS = {
  /** What we sent was read as a script. */
  isScript: 97,
  /** Somebody else has read from stdin before us. */
  isRead: 98,
  /** The program cannot do anything without /proc, and says so on stderr. */
  isUnfit: 96,
} as const;

/**
 * Comes before the program on stdin. A shell that reads its script from there, because a start-up file or a ForceCommand has started it in place of
 * what we asked for, ends here and runs nothing of the rest; and whoever reads a line that is not his, reads this one.
 */
const FIRST_LINE = `exit ${START_STATUS.isScript}`;

/**
 * For `bash -c`: takes the program from stdin and runs it. Without single quotes, backslashes and `!`, so that every login shell hands it on as it
 * is. read -N takes exactly the program and leaves what follows on stdin to it; ASCII in the C locale, so a character is a byte.
 * TMOUT would end every read that waits longer, POSIXLY_CORRECT changes what bash and others do, BASH_ENV and ENV are read by shells that we start.
 */
export const starterOf = (program: string): string =>
  [
    'unset TMOUT POSIXLY_CORRECT BASH_ENV ENV; LC_ALL=C; export LC_ALL',
    `IFS= read -r FIRST; [[ $FIRST == "${FIRST_LINE}" ]] || exit ${START_STATUS.isRead}`,
    `IFS= read -rN ${program.length} PROGRAM && eval "$PROGRAM"`,
  ].join('; ');

/** What is written to the starter's stdin. */
export const startInput = (program: string): string => `${FIRST_LINE}\n${program}`;

/**
 * A bash that reads no start-up file and takes no function and no shell option from its environment (-p), to be followed by `-c`. Not by `exec`, which
 * a restricted shell refuses: bash and zsh do so by themselves. Without --norc bash reads .bashrc a second time, when it is another shell's first child.
 */
export const BASH = 'bash --norc -p';
