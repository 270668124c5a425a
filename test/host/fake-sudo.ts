/** A transport to an account of this machine whose sudo does with its stdin what the real one does, and grants nothing. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { SessionEnd, Transport } from '../../src/ssh/transport.js';

export const PASSWORD = 'correct horse';

/** Reads its password in the same small steps as sudo: bash takes a pipe byte by byte. */
const FAKE_SUDO = String.raw`#!/bin/bash
n='' prompt='' policy=$FAKE_POLICY
while [[ $1 != -- ]]; do
  case $1 in
    -n) n=yes ;;
    -k | -S) ;;
    -p) prompt=$2; shift ;;
  esac
  shift
done
shift
[[ $policy == *lecture* ]] && echo 'We trust you have received the usual lecture.' >&2
case $policy in
  *tty*) echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1 ;;
  *nopasswd*) exec "$@" ;;
esac
[[ -z $n ]] || { echo 'sudo: a password is required' >&2; exit 1; }
for try in 1 2 3; do
  printf %s "@{prompt/\%p/admin}" >&2
  IFS= read -r word || { printf '\nsudo: no password was provided\nsudo: %s incorrect password attempt\n' "$((try - 1))" >&2; exit 1; }
  [[ $policy == *echo* ]] && echo "you typed $word"
  if [[ $word == '${PASSWORD}' ]]; then
    [[ $policy == *unlisted* ]] || exec "$@"
    echo 'admin is not in the sudoers file.' >&2
    exit 1
  fi
  echo 'Sorry, try again.' >&2
done
`.replaceAll('@{', '${');

export interface FakeSudo {
  readonly transport: Transport;
  /** Everything that was written to the session, in order. */
  readonly written: string[];
  /** Ends of the sessions that were opened. */
  readonly ends: SessionEnd[];
  /** The last command that was handed to the login shell. */
  readonly command: () => string;
}

const directory = mkdtempSync(join(tmpdir(), 'vxfleet-fake-sudo-'));
chmodSync(directory, 0o755);
writeFileSync(join(directory, 'sudo'), FAKE_SUDO, { mode: 0o755 });
mkdirSync(join(directory, 'bash-alone'));
symlinkSync('/bin/bash', join(directory, 'bash-alone', 'bash'));
afterAll(() => rmSync(directory, { recursive: true }));

/**
 * @param policy words: nopasswd, lecture, tty, unlisted, echo (shows the password); `missing` alone: there is none
 * @param environment of the login
 */
export function fakeSudo(policy: string, environment: Readonly<Record<string, string>> = {}): FakeSudo {
  const written: string[] = [];
  const ends: SessionEnd[] = [];
  let command = '';
  const transport: Transport = {
    open: async (host, _target, text) => {
      command = text;
      const child = spawn('/bin/sh', ['-c', text], {
        // sudo is for whoever is not root.
        ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
        cwd: '/',
        env: {
          PATH: policy === 'missing' ? join(directory, 'bash-alone') : `${directory}:/usr/bin:/bin`,
          FAKE_POLICY: policy,
          ...environment,
        },
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.stdin.on('error', () => {}); // the program may be gone already
      const ended = new Promise<SessionEnd>((resolve) => {
        child.on('close', (exitCode, signal) => resolve({ exitCode, signal, lost: null, stderr }));
      });
      void ended.then((end) => ends.push(end));
      return {
        host,
        ended,
        write: (data) => {
          written.push(data.toString());
          child.stdin.write(data);
        },
        onData: (listener) => void child.stdout.on('data', listener),
        close: async () => {
          child.stdin.end();
          await ended;
        },
        destroy: () => void child.kill('SIGKILL'),
      };
    },
  };
  return { transport, written, ends, command: () => command };
}
