/** The machine's /run/netns: iproute2 makes it a mount with the first namespace and never undoes that, so the last lab does. */
import { readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { listNamespaces } from './namespace-processes.js';
import { NETNS_ROOT, STATE_ROOT } from './lab-paths.js';
import { runProgram } from './run-program.js';

/** What was there before the first lab. A dot keeps it apart from the labs. */
const MARK = `${STATE_ROOT}/.netns-before`;

/** Before the first namespace of the first lab: notes how the machine was. */
export async function rememberNetnsMount(): Promise<void> {
  if (await exists(MARK)) return;
  await writeFile(MARK, (await isMounted()) ? 'mount' : (await exists(NETNS_ROOT)) ? 'directory' : 'nothing');
}

/** After the last lab: back to that, unless somebody else's namespaces are there now. */
export async function restoreNetnsMount(): Promise<void> {
  const before = await readFile(MARK, 'utf8').catch(() => 'mount');
  if (before !== 'mount' && listNamespaces().length === 0) {
    while (await isMounted()) await runProgram(['umount', NETNS_ROOT]);
    if (before === 'nothing') await rmdir(NETNS_ROOT).catch(() => undefined);
  }
  await rm(MARK, { force: true });
}

async function isMounted(): Promise<boolean> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').some((line) => line.split(' ')[4] === NETNS_ROOT);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
