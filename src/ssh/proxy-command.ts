/** A ProxyCommand: a process of this machine whose stdin and stdout are the way to the host. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Link } from './link.js';
import { endingWithUs } from './local-program.js';
import { TextTail } from './text-tail.js';

/** What remains of the command's stderr: enough for its last words. */
const STDERR_KEEP_BYTES = 1024;

/**
 * Starts the command as ssh does, by the user's shell. It is in a session of its own, so that Ctrl-C on the terminal does not take the way
 * from a host whose trial is still to be put back; it cannot ask anything there. It ends with us.
 */
export function runProxyCommand(command: string, environment: NodeJS.ProcessEnv = process.env): Link {
  const shell = environment['SHELL'] || '/bin/sh';
  const [program, ...words] = endingWithUs([shell, '-c', `exec ${command}`]);
  const child = spawn(program, words, { env: environment, detached: true, stdio: 'pipe' });
  const stream = joinStdio(child);
  const stderr = new TextTail(STDERR_KEEP_BYTES);
  let end: string | undefined;
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.on('error', (error) => {
    end ??= error.message;
    stream.destroy();
  });
  child.on('close', (code, signal) => {
    const lastWords = stderr.toString().trim().split('\n').at(-1) ?? '';
    end ??= `ended with ${signal ?? `status ${code}`}${lastWords === '' ? '' : `: ${lastWords}`}`;
    closeAfterReading(stream);
  });
  return {
    stream,
    // The command's words may hold a password: its first one names it.
    endReason: () => (end === undefined ? undefined : `the ProxyCommand ${programOf(command)} ${end}`),
    unref: () => {
      child.unref();
      // Node's pipes to a child are sockets, which its types do not say.
      for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as unknown as Socket).unref();
    },
  };
}

/** The command's first word. */
export const programOf = (command: string): string => command.trim().split(/\s/)[0] ?? '';

/** The process's stdin and stdout as one stream; destroying it tells the process to end. */
function joinStdio(child: ChildProcessWithoutNullStreams): Duplex {
  const stream = new Duplex({
    read: () => void child.stdout.resume(),
    write: (chunk, encoding, done) => void child.stdin.write(chunk, encoding, () => done()),
    final: (done) => void child.stdin.end(done),
    destroy: (error, done) => {
      child.stdin.destroy();
      child.kill('SIGHUP');
      done(error);
    },
  });
  child.stdout.on('data', (chunk: Buffer) => stream.push(chunk) || child.stdout.pause());
  // A pipe that broke: the end of the process says why.
  child.stdin.on('error', () => {});
  stream.on('error', () => {});
  return stream;
}

/** Closes it when what has come so far was read; at once if nobody reads. */
function closeAfterReading(stream: Duplex): void {
  if (stream.destroyed) return;
  stream.once('end', () => stream.destroy());
  stream.push(null);
  stream.resume();
}
