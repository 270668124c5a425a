/** The part of the host program that runs what may hang, by itself: no host is needed for it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const LOOP = readFileSync(new URL('../../src/host/program/loop.pl', import.meta.url), 'utf8');

/** What a program says and how it ended, `STATUS TEXT`. @param options of start(), besides its command */
async function run(command: readonly string[], options = '', under: readonly string[] = []): Promise<string> {
  const script = `${LOOP}; $SIG{CHLD} = sub {}; my $said;
    start([@ARGV], sub { $said = "$_[0] $_[1]" }${options}); turn() while !defined $said; print $said`;
  const { stdout } = await promisify(execFile)('env', [...under, 'perl', '-e', script, ...command], { maxBuffer: 1e7 });
  return stdout;
}

describe('what may hang', { timeout: 120_000 }, () => {
  it.each([
    ['echo a; echo b; exit 3', '3 a\nb'],
    ['echo said; echo so >&2', '0 said\nso'],
    ['exit 7', '7 '],
    ['kill -TERM $$', '143 '],
  ])('is heard, and how it ended is known: %s', async (command, heard) => {
    expect(await run(['sh', '-c', command])).toBe(heard);
  });

  it('is carried whole, however much it says, and told as much', async () => {
    expect(await run(['seq', '100000'])).toHaveLength(588_894 + 2);
    expect(await run(['cat'], ", input => 'x' x 1_000_000")).toBe(`0 ${'x'.repeat(1_000_000)}`);
  });

  it('is ended with its group when its time is over', async () => {
    // Known by its words, which no other run of this test has.
    const sleeper = `sleep 77.${process.pid}`;
    expect(await run(['sh', '-c', `echo begun; ${sleeper} & wait`], ', seconds => 1')).toBe(
      '124 no end after 1 s: killed\nbegun',
    );
    await expect.poll(async () => run(['sh', '-c', `pgrep -fx '${sleeper}' || echo gone`])).toBe('0 gone');
  });

  it('is known to have ended well when something it started still holds its output', async () => {
    expect(await run(['sh', '-c', 'echo said; sleep 3 & exit 0'])).toBe('0 said');
  });

  it('says why it cannot be started', async () => {
    expect(await run(['/nonexistent'])).toContain('/nonexistent: No such file or directory');
    const alone = ['setpriv', '--reuid=65534', '--clear-groups', 'prlimit', '--nproc=0'];
    expect(await run(['true'], '', alone)).toBe('126 cannot start true: Resource temporarily unavailable');
  });

  it('is known to have ended well every time', async () => {
    const script = `${LOOP}; $SIG{CHLD} = sub {}; my ($bad, $left) = (0, 0);
      for (1 .. 300) { $left++; start(['echo', 'said'], sub { $bad++ if "@_" ne '0 said'; $left-- }); turn() while $left > 5 }
      turn() while $left; print $bad`;
    const { stdout } = await promisify(execFile)('perl', ['-e', script]);
    expect(stdout).toBe('0');
  });
});
