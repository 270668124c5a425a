/** How the program comes to run, whatever the login shell is and whatever its start-up files do. */

/** Statuses with which a start that went wrong ends; a shell's own for what cannot be run are 126 and 127. */
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
const FIRST_LINE = `exit ${START_STATUS.isScript}\n`;

/**
 * For `perl -e`: takes the program from stdin and runs it; what follows on stdin is the program's. Without single quotes, backslashes and `!`, so
 * that every login shell hands it on as it is.
 */
export const starterOf = (program: string): string =>
  [
    'binmode STDIN; sub take { my $t = q(); while (length $t < $_[0]) { sysread STDIN, $t, $_[0] - length $t, length $t or last } $t }',
    `take(${FIRST_LINE.length}) eq q(${FIRST_LINE.trimEnd()}) . chr 10 or exit ${START_STATUS.isRead}`,
    `$PROGRAM = take(${program.length}); eval $PROGRAM; $@ and die $@`,
  ].join('; ');

/** What is written to the starter's stdin. */
export const startInput = (program: string): string => `${FIRST_LINE}${program}`;

/**
 * To be followed by the starter: a perl that takes nothing from its environment (perlrun(1)) and speaks no other language. Not by `exec`, which a
 * restricted shell refuses: most shells do so by themselves with the last command.
 */
export const PERL = 'env -u PERL5OPT -u PERL5LIB -u PERL_UNICODE -u PERLIO LC_ALL=C perl -e';

/**
 * A bash that reads no start-up file and takes no function and no shell option from its environment (-p), to be followed by `-c`: for what sudo
 * needs before it starts the program. Without --norc bash reads .bashrc a second time, when it is another shell's first child.
 */
export const BASH = 'bash --norc -p';
