/** A ProxyCommand: a process of this machine whose stdin and stdout are the way to the host. */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { Link } from './link.js';
import { TextTail } from './text-tail.js';

/** What remains of the command's stderr: enough for its last words. */
const STDERR_KEEP_BYTES = 1024;

/**
 * Starts the command as ssh does, by the user's shell. It is in a session of its own, so that Ctrl-C on the terminal does not take the way
 * from a host whose trial is still to be put back; it cannot ask anything there.
 */
export function runProxyCommand(command: string, environment: NodeJS.ProcessEnv = process.env): Link {
  const shell = environment['SHELL'] || '/bin/sh';
  const child = spawn(shell, ['-c', `exec ${command}`], { env: environment, detached: true });
  const stderr = new TextTail(STDERR_KEEP_BYTES);
  let end: string | undefined;
  // A pipe that broke: the end of the process says why.
  child.stdin.on('error', () => {});
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const stream = new Duplex({
    // Not autoDestroy: what was read last must be delivered before the stream closes.
    read: () => void child.stdout.resume(),
    write: (chunk, encoding, done) => void child.stdin.write(chunk, encoding, () => done()),
    final: (done) => void child.stdin.end(done),
    destroy: (error, done) => {
      child.stdin.destroy();
      child.kill('SIGHUP');
      done(error);
    },
  });
  stream.on('error', () => {});
  child.stdout.on('data', (chunk: Buffer) => stream.push(chunk) || child.stdout.pause());
  child.on('error', (error) => {
    end ??= error.message;
    stream.destroy();
  });
  child.on('close', (code, signal) => {
    const lastWords = stderr.toString().trim().split('\n').at(-1) ?? '';
    end ??= `ended with ${signal ?? `status ${code}`}${lastWords === '' ? '' : `: ${lastWords}`}`;
    if (stream.destroyed) return;
    stream.push(null);
    stream.once('end', () => stream.destroy());
    // Nobody may be reading.
    stream.resume();
  });
  return {
    stream,
    // The command's words may hold a password: its first one names it.
    endReason: () => (end === undefined ? undefined : `the ProxyCommand ${programOf(command)} ${end}`),
    unref: () => {
      child.unref();
      for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as unknown as Socket).unref();
    },
  };
}

/** The command's first word. */
export const programOf = (command: string): string => command.trim().split(/\s/)[0] ?? '';
