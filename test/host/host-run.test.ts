/** The part of the host program that runs what may hang, by itself: no host is needed for it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { HOST_PROGRAM } from '../../src/host/host-program.js';

const ANSWERS = fileURLToPath(new URL('../../src/host/program/answers.bash', import.meta.url));

async function bash(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', ['-c', `shopt -s extglob; . "$0"; ${script}`, ANSWERS]);
  return stdout;
}

describe('what may hang', { timeout: 120_000 }, () => {
  it.each([
    ['echo a; echo b; exit 3', 'a\nb 3'],
    ['echo said; echo so >&2', 'said\nso 0'],
    ['exit 7', ' 7'],
    ['kill -TERM $BASHPID', ' 143'],
  ])('is heard, and how it ended is known: %s', async (command, heard) => {
    expect(await bash(`run 100 bash -c '${command}'; echo "$out $rc"`)).toBe(`${heard}\n`);
  });

  it('is carried whole, however much it says', async () => {
    expect(await bash('run 100 seq 100000; echo "${#out} $rc"')).toBe('588894 0\n');
  });

  it('is ended with its group when its time is over', async () => {
    // Known by its words, which no other run of this test has.
    const sleeper = `sleep 77.${process.pid}`;
    const script = `run 1 setsid bash -c 'echo begun; ${sleeper} & wait'; echo "$out $rc"`;
    expect(await bash(script)).toBe('no end after 1 s: killed\nbegun 124\n');
    await expect.poll(async () => bash(`pgrep -fx '${sleeper}' || echo gone`), { timeout: 30_000 }).toBe('gone\n');
  });

  it('is known to have ended well when something it started still holds its output', async () => {
    expect(await bash(`run 1 bash -c 'echo said; sleep 3 & exit 0'; echo "$out $rc"`)).toBe('said 0\n');
  });

  // Of a process that is gone before it is waited for, bash sometimes forgot the status.
  it('is known to have ended well every time', async () => {
    const script = `bad=0; for ((i = 0; i < 400; i++)); do run 100 bash -c 'echo said'; [[ "$rc $out" == '0 said' ]] || ((bad += 1)); done; echo "$bad"`;
    expect(await Promise.all(Array.from({ length: 6 }, async () => bash(script)))).toEqual(Array(6).fill('0\n'));
  });
});

// One session in some thousands hung: its process substitution had ended before bash had put it on its list, and `wait` without a number
// waited for it as long as the guard lived.
describe('the host program', () => {
  it('waits for processes by their numbers alone', () => {
    const waits = HOST_PROGRAM.split('\n').filter((line) => /(^|[;&|({!]|do|then)\s*wait\b(?!=)/.test(line));
    expect(waits.length).toBeGreaterThan(2);
    expect(waits.filter((line) => /\bwait\s*(?:$|[;&|)}])/.test(line))).toEqual([]);
  });
});
