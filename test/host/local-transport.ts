/** A transport into a namespace of this machine: runs the command as sshd would, without SSH. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Session, SessionEnd, Transport } from '../../src/ssh/transport.js';
import type { Namespace } from './namespace.js';

export interface LocalSession {
  /** The program's process id within the namespace. */
  readonly pid: number;
  readonly ended: Promise<SessionEnd>;
  /** From now on nothing that is written arrives. */
  mute(): void;
  /** Text to the program beside what the controller says. */
  write(text: string): void;
}

/**
 * @param onOpen takes each session that is opened, for tests that reach for its process
 * @param environment `NAME=VALUE` with blanks between, as sshd would have it: for a login shell and the program that this one starts
 *   (libfaketime reads its file anew only in the second of them)
 */
export function localTransport(
  namespace: Namespace,
  onOpen: (session: LocalSession) => void,
  environment?: string,
): Transport {
  const setUp = environment === undefined ? '' : `export ${environment}\nexec bash -c "$0"\n`;
  return {
    open: async (host, _target, command): Promise<Session> => {
      const child = spawn('nsenter', [...namespace.enter, 'bash', '-c', `echo $$ >&2\n${setUp}${command}`, command]);
      let stderr = '';
      const ended = new Promise<SessionEnd>((resolve) => {
        child.on('close', (exitCode, signal) => resolve({ exitCode, signal, lost: null, stderr }));
      });
      child.stdin.on('error', () => {}); // the program may be gone already
      child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)));
      await once(child.stderr, 'data');
      let isMute = false;
      onOpen({
        pid: Number.parseInt(stderr, 10),
        ended,
        mute: () => void (isMute = true),
        write: (text) => void child.stdin.write(text),
      });
      return {
        host,
        ended,
        write: (data) => void (isMute || child.stdin.write(data)),
        onData: (listener) => void child.stdout.on('data', listener),
        close: async () => {
          child.stdin.end();
          await ended;
        },
        destroy: () => void child.kill('SIGKILL'),
      };
    },
  };
}
