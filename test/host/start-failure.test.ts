import { describe, expect, it } from 'vitest';
import { startFailure } from '../../src/host/start-failure.js';

const failure = (exitCode: number | undefined, said: string, isNamed = true) =>
  startFailure({
    host: 'tokyo',
    user: isNamed ? 'root' : undefined,
    end: exitCode === undefined ? undefined : { exitCode, signal: null },
    said,
    timeoutMs: 30_000,
  });

/** What the shells of Debian 12 and others said in each case. */
describe('a host that lets us in and does not run the program', () => {
  it.each([
    [1, 'This account is currently not available.\n', /^root on tokyo has no shell \(This/, /chsh -s \/bin\/bash/],
    [
      127,
      'sh: 1: bash: not found\n',
      /^root on tokyo finds no bash \(sh: 1: bash: not found\)$/,
      /apt-get install bash/,
    ],
    [127, 'zsh:1: command not found: bash\n', /finds no bash/, /PATH/],
    [1, 'bash: Command not found.\n', /finds no bash/, /PATH/],
    [127, 'fish: Unknown command: bash\nfish: \nbash --norc -p\n^\n', /finds no bash/, /PATH/],
    [127, 'rbash: line 1: bash: command not found\n', /finds no bash/, /PATH/],
    [
      127,
      "env: 'perl': No such file or directory\n",
      /^root on tokyo finds no perl \(env/,
      /apt-get install perl-base/,
    ],
    [127, 'env: ‘perl’: Datei oder Verzeichnis nicht gefunden\n', /finds no perl/, /PATH/],
    [97, '', /^a shell on tokyo ran in place of vxfleet's program$/, /exec zsh.*\[ -t 0 \]/],
    [98, 'Continue?', /something on tokyo has read what was meant.*\(Continue\?\)$/, /reads stdin/],
    [96, '/proc is not mounted\n', /cannot run on tokyo \(\/proc is not mounted\)$/, /mount -t proc/],
    [0, '', /^tokyo let root in, and ended with status 0 before it ran vxfleet's program$/, /ForceCommand/],
    [1, 'Menu\n\n  only backups here \n\n', /ended with status 1 before .* \(only backups here\)$/, /command=/],
    [1, 'x'.repeat(5000), /\(x{160}…\)$/, /perl -v/],
  ])('is told for what it is: status %j, %j', (exitCode, said, message, hint) => {
    const error = failure(exitCode, said);
    expect(error).toMatchObject({ code: 'protocol', host: 'tokyo' });
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('is told as a timeout when it does nothing', () => {
    const error = failure(undefined, 'one moment please\n', false);
    expect(error.code).toBe('timeout');
    expect(error.message).toBe(
      "tokyo let the login in, but did not start vxfleet's program within 30 s (one moment please)",
    );
  });

  it('is not quoted when it sends back our own words', () => {
    const said = 'if (defined $GUARD_OF) { }\n0 alive 0\n1 inspect 98 eth0\nrule show\n';
    expect(failure(undefined, said).message).toMatch(/\(it sends back what it is sent\)$/);
  });
});
