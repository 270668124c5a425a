/** Runs one of the machine's programs for the lab. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { VxfleetError } from '../errors.js';

export interface ProgramOptions {
  /** Sent to its stdin, which is empty otherwise. */
  readonly input?: string;
  /** A descriptor the program and its children keep open, as their fd 3: a lock that must outlive us with them. */
  readonly keepOpen?: number;
  /** What to call it in an error; the start of argv otherwise. */
  readonly title?: string;
  /** Gets each line of stdout as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Our environment, with the directories of the system's programs, which `su` leaves out of root's PATH. */
export const programEnvironment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`,
});

/**
 * Its stdout.
 * @throws VxfleetError lab, with the end of its stderr
 */
export async function runProgram(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    env: programEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe', options.keepOpen ?? 'ignore'],
  });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new TypeError('spawn without pipes');
  if (options.onLine !== undefined) emitLines(stdout, options.onLine);
  // A program that ends before it has read all says why on stderr.
  stdin.on('error', () => undefined);
  stdin.end(options.input ?? '');
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => {
      reject(new VxfleetError('lab', `${command} could not be run: ${cause.message}`, { cause }));
    });
  });
  const done = Promise.all([text(stdout), text(stderr), once(child, 'close')]);
  const [output, errors, [code, signal]] = await Promise.race([done, failed]);
  if (code === 0) return output;
  const reason = errors.trim().split('\n').slice(-15).join('\n') || output.trim();
  throw new VxfleetError(
    'lab',
    `${options.title ?? argv.slice(0, 4).join(' ')}: ${reason || `ended with ${String(code ?? signal)}`}`,
  );
}

function emitLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
