/** Debian packages for single hosts of a lab: unpacked there, not installed, so that the image and the other hosts stay as they are. */
import { mkdir, readdir } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostCommand } from '../../src/lab/lab-command.js';
import { runProgram } from '../../src/lab/run-program.js';

/** Kept from one test run to the next. */
const DIRECTORY = join(tmpdir(), 'vxfleet-test-packages');

/** Downloads what is not there yet, of the machine's own release. */
export async function fetchPackages(names: readonly string[]): Promise<void> {
  await mkdir(DIRECTORY, { recursive: true });
  const missing: string[] = [];
  for (const name of names) if ((await findPackage(name)) === undefined) missing.push(name);
  if (missing.length === 0) return;
  await runProgram(['apt-get', '-qq', 'update']);
  const download = 'cd "$0" && exec apt-get -qq -o APT::Sandbox::User=root download "$@"';
  await runProgram(['sh', '-c', download, DIRECTORY, ...missing]);
}

/** Puts the files of fetched packages onto a host. */
export async function unpackOn(lab: string, host: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const file = await findPackage(name);
    if (file === undefined) throw new Error(`${name} has not been fetched`);
    // /bin and /lib are links on a host as on the machine.
    const untar = await hostCommand(lab, host, ['tar', '-x', '-C', '/', '--keep-directory-symlink']);
    const archive = spawn('dpkg-deb', ['--fsys-tarfile', file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const child = spawn(untar.command, untar.args, { env: untar.env, stdio: [archive.stdout, 'inherit', 'inherit'] });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${name} could not be unpacked on ${host}`);
  }
}

async function findPackage(name: string): Promise<string | undefined> {
  const file = (await readdir(DIRECTORY)).find((one) => one.startsWith(`${name}_`) && one.endsWith('.deb'));
  return file === undefined ? undefined : join(DIRECTORY, file);
}
