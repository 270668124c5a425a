/** `vxfleet lab down`: nothing of the lab stays on the machine. */
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { VxfleetError } from '../errors.js';
import { checkRoot } from './check-machine.js';
import { purgeImage } from './lab-image.js';
import { withLabLock } from './lab-lock.js';
import { checkLabName, disksDirectory, isNamespaceOf, STATE_ROOT, stateDirectory, stateFile } from './lab-paths.js';
import { findProcesses, killProcesses, listNamespaces } from './namespace-processes.js';
import { restoreNetnsMount } from './netns-mount.js';
import { runBatch } from './run-batch.js';
import { runProgram } from './run-program.js';

export interface LabDownOptions {
  readonly name: string;
  /** Also remove the images that later labs would start from. */
  readonly purgeImage?: boolean;
  readonly log?: (message: string) => void;
}

/**
 * Ends a lab in whatever state it is; nothing to do is fine.
 * @returns whether there was anything to remove
 * @throws VxfleetError lab
 */
export async function labDown(options: LabDownOptions): Promise<boolean> {
  checkRoot();
  const lab = checkLabName(options.name);
  const removed = await withLabLock(options.log ?? (() => undefined), async (lock) => {
    const existed = await removeLab(lab, lock);
    await removeLast();
    return existed;
  });
  if (options.purgeImage === true) await purgeImage();
  return removed;
}

/** Removes all of one lab, whole or half made. The caller holds the lock. */
export async function removeLab(lab: string, lock: number): Promise<boolean> {
  refuseInside(lab);
  // First the state: a host that is just about to start looks for it once it can be found and killed.
  await rm(stateFile(lab), { force: true });
  const namespaces = listNamespaces().filter((namespace) => isNamespaceOf(lab, namespace));
  await killProcesses(namespaces);
  await runBatch(
    namespaces.map((namespace) => `netns del ${namespace}`),
    { lock, force: true },
  );
  const existed = namespaces.length > 0 || (await readdir(stateDirectory(lab)).catch(() => [])).length > 0;
  await unmountAll(disksDirectory(lab));
  await rm(stateDirectory(lab), { recursive: true, force: true });
  return existed;
}

function refuseInside(lab: string): void {
  const namespaces = listNamespaces().filter((namespace) => isNamespaceOf(lab, namespace));
  if ([...findProcesses(namespaces).values()].flat().includes(process.pid))
    throw new VxfleetError('lab', `this command runs inside lab ${lab} itself`, { hint: 'Run it from outside.' });
}

/** After the last lab, what the labs share goes too. The caller holds the lock. */
export async function removeLast(): Promise<void> {
  const labs = (await readdir(STATE_ROOT)).filter((entry) => !entry.startsWith('.'));
  if (labs.length > 0) return;
  await restoreNetnsMount();
  await rmdir(STATE_ROOT);
}

/** A start that was killed and repeated may have mounted twice; a busy mount goes when its last user does. */
async function unmountAll(path: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => line.split(' ')[4] === path);
  for (const _ of mounts) await runProgram(['umount', '-l', path]);
}
