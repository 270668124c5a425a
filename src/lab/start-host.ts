/** Starts one host of the lab. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { VxfleetError } from '../errors.js';
import { consoleFile, hostNamespace, imageDirectory, NETNS_ROOT, programFile, stateDirectory } from './lab-paths.js';
import { programEnvironment } from './run-program.js';
import type { LabHost } from './lab-state.js';

/** How long a host may take until its sshd listens, in ms. 255 of them on two cores take turns. */
const START_MS = 120_000;

/**
 * Starts the host's init and waits until its sshd listens. The host does not depend on us from then on.
 * @throws VxfleetError lab, with the end of the host's console
 */
export async function startHost(lab: string, host: LabHost): Promise<void> {
  const { name, device, address, port } = host;
  const console = openSync(consoleFile(lab, name), 'a');
  const child = spawn(
    'nsenter',
    [
      `--net=${NETNS_ROOT}/${hostNamespace(lab, name)}`,
      ...['unshare', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child'],
      ...['bash', programFile('start-host.bash'), stateDirectory(lab), lowerLayers(lab, host)],
      ...[name, device, address, String(port)],
    ],
    { cwd: '/', env: programEnvironment(), detached: true, stdio: ['ignore', console, console, 'pipe'] },
  );
  closeSync(console);
  const ready = child.stdio[3] as NodeJS.ReadableStream & { destroy(): void };
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (reason: string): void => {
        reject(
          new VxfleetError('lab', `host ${name} did not start: ${reason}${consoleEnd(lab, name)}`, { host: name }),
        );
      };
      const timer = setTimeout(() => fail(`its sshd did not listen within ${START_MS / 1000} s`), START_MS);
      ready.once('data', () => resolve());
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code) => fail(`its init ended with ${String(code)}`));
      ready.once('close', () => clearTimeout(timer));
    });
  } finally {
    ready.destroy();
    child.removeAllListeners();
    child.unref();
  }
}

/** What is below the host's own disk, for overlayfs: a layer over the machine's root, or a root of its own. */
function lowerLayers(lab: string, { image }: LabHost): string {
  const directory = imageDirectory(lab, image);
  return image.startsWith('machine') ? `${directory}/upper:/` : `${directory}/root`;
}

function consoleEnd(lab: string, host: string): string {
  const lines = readFileSync(consoleFile(lab, host), 'utf8').trim().split('\n').slice(-10);
  return `\n${lines.join('\n')}`;
}
