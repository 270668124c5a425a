/** vxfleet with a person at its terminal. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { controllerCommand } from '../../src/lab/lab-command.js';
import { shellQuote } from '../../src/ssh/shell-quote.js';
import { DIST } from './harness.js';

export interface TerminalRun {
  readonly code: number | null;
  /** Everything the terminal showed, control sequences too. */
  readonly shown: string;
}

export interface Person {
  readonly question: string;
  /** Typed when the question is on the screen, each time. */
  readonly answer: string;
  /** A file that gets stdout in place of the terminal. */
  readonly stdout?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Told all that the terminal has shown so far. */
  readonly onShown?: (shown: string) => void;
}

/** Runs vxfleet on the lab's controller under script(1), whose pseudo-terminal it takes for a person's. */
export async function runOnTerminal(
  lab: string,
  argv: readonly string[],
  { question, answer, stdout, env: more, onShown }: Person,
): Promise<TerminalRun> {
  const { command, args, env } = await controllerCommand(lab, join(DIST, 'bin.js'), argv);
  const redirection = stdout === undefined ? '' : ` >${shellQuote([stdout])}`;
  const line = `${shellQuote([command, ...args])}${redirection}`;
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { env: { ...env, ...more } });
  let shown = '';
  let answered = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    for (; answered < shown.split(question).length - 1; answered += 1) child.stdin.write(`${answer}\r`);
    onShown?.(shown);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, shown };
}
