/** A clock that a test sets, for the processes started with it: Debian's libfaketime. The kernel's monotonic clocks go on. */
import { existsSync } from 'node:fs';
import { runProgram } from '../src/lab/run-program.js';

/** What a lab's hosts and a test's namespaces see of the machine's files. */
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

/** The environment of a process whose clock is off by the seconds, `+3600`, that stand in the file. */
export const faketimeEnvironment = (file: string): string =>
  `LD_PRELOAD=${LIBRARY} FAKETIME_TIMESTAMP_FILE=${file} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1`;

let installed: Promise<void> | undefined;

/** Once, whoever needs it first. */
export async function installFaketime(): Promise<void> {
  installed ??= install();
  await installed;
}

async function install(): Promise<void> {
  if (existsSync(LIBRARY)) return;
  await runProgram(['apt-get', '-qq', 'update']);
  await runProgram(['apt-get', '-qq', 'install', '-y', '--no-install-recommends', 'libfaketime']);
}
