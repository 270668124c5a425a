/** Which processes live in which network namespace, read from /proc. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { VxfleetError } from '../errors.js';
import { NETNS_ROOT } from './lab-paths.js';

/** How long killed processes may take to be gone, in ms: the kernel takes their mounts and namespaces down first. */
const DEATH_MS = 20_000;

/** Named network namespaces of the machine. */
export function listNamespaces(): string[] {
  try {
    return readdirSync(NETNS_ROOT);
  } catch {
    return [];
  }
}

/** The pids in each of these network namespaces; one pass over /proc for all of them. */
export function findProcesses(namespaces: readonly string[]): Map<string, number[]> {
  const byInode = new Map(namespaces.map((namespace) => [inodeOf(`${NETNS_ROOT}/${namespace}`), namespace]));
  const found = new Map(namespaces.map((namespace): [string, number[]] => [namespace, []]));
  for (const entry of readdirSync('/proc')) {
    const inode = /^\d+$/.test(entry) ? processNamespace(entry) : undefined;
    const namespace = inode === undefined ? undefined : byInode.get(inode);
    if (namespace !== undefined) found.get(namespace)?.push(Number(entry));
  }
  return found;
}

/** The pid (as the machine sees it) of the init of the host that lives in this namespace. */
export function findInit(namespace: string): number | undefined {
  return findProcesses([namespace]).get(namespace)?.find(isInit);
}

/** Whether it is pid 1 of a pid namespace one below ours. */
export function isInit(pid: number): boolean {
  try {
    return /^NSpid:\t.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/**
 * Kills everything in these network namespaces and waits until it is gone.
 * @throws VxfleetError lab when something does not die
 */
export async function killProcesses(namespaces: readonly string[]): Promise<void> {
  const deadline = Date.now() + DEATH_MS;
  for (;;) {
    const pids = [...findProcesses(namespaces).values()].flat();
    if (pids.length === 0) return;
    if (Date.now() > deadline) throw new VxfleetError('lab', `processes ${pids.join(', ')} of the lab do not die`);
    for (const pid of pids) killProcess(pid);
    await sleep(20);
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone since we looked.
  }
}

function inodeOf(path: string): string | undefined {
  const info = statSync(path, { throwIfNoEntry: false });
  return info === undefined ? undefined : `net:[${info.ino}]`;
}

/** Undefined for a process that is gone, and for a zombie, which is in no namespace any more. */
function processNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
