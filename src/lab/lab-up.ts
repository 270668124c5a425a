/** `vxfleet lab up`: a hub and spokes as real hosts in namespaces. */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { VxfleetError } from '../errors.js';
import type { Inventory } from '../inventory/inventory.js';
import { checkMachine } from './check-machine.js';
import { generateInventory } from './generate-inventory.js';
import { makeHostDisk } from './host-disk.js';
import { describeGeneratedLab, describeLab } from './lab-hosts.js';
import { removeLab, removeLast } from './lab-down.js';
import { installImage } from './lab-image.js';
import { chooseImages, type ImageChoice } from './lab-images.js';
import { withLabLock } from './lab-lock.js';
import { bridgeLines, controllerLines, namespaceLines } from './lab-network.js';
import * as paths from './lab-paths.js';
import { readLabState, writeLabState, type LabState } from './lab-state.js';
import { findProcesses, listNamespaces } from './namespace-processes.js';
import { rememberNetnsMount } from './netns-mount.js';
import { generateOpensshKey } from './openssh-keys.js';
import { runBatch } from './run-batch.js';
import { runProgram } from './run-program.js';
import { startHost } from './start-host.js';

/** Hosts that start at once: their start is half waiting. */
const STARTS_PER_CORE = 4;
/** Spokes of a /40. */
const MAX_SPOKES = 255;

export interface LabUpOptions {
  readonly name: string;
  /** How many spokes to make up; ignored when an inventory is given. */
  readonly spokes: number;
  /** The fleet to start instead of a made-up one. */
  readonly inventory?: Inventory | undefined;
  /** Which Debian the hosts run; the machine's when nothing is said. */
  readonly images?: readonly ImageChoice[] | undefined;
  readonly log: (message: string) => void;
}

export interface LabUpResult {
  readonly hosts: number;
  /** The inventory that `lab run` uses. */
  readonly inventoryPath: string;
}

/**
 * Starts a lab and returns when every host's sshd listens. What a crash left of a lab of this name is removed first; what fails half way is removed too.
 * @throws VxfleetError lab
 */
export async function labUp({ name, spokes, inventory, images = [], log }: LabUpOptions): Promise<LabUpResult> {
  const lab = paths.checkLabName(name);
  if (inventory === undefined && !(Number.isInteger(spokes) && spokes >= 1 && spokes <= MAX_SPOKES))
    throw new VxfleetError('lab', `a lab has 1 to ${MAX_SPOKES} spokes, not ${spokes}`);
  const fleet = inventory === undefined ? describeGeneratedLab(spokes) : describeLab(inventory);
  const state = {
    ...fleet,
    hosts: chooseImages(fleet.hosts, images),
    inventory: inventory?.path ?? paths.inventoryFile(lab),
  };
  const generated = inventory === undefined ? generateInventory(spokes) : undefined;
  await checkMachine();
  await withLabLock(log, async (lock) => {
    await removeRemains(lab, lock, log);
    try {
      await makeLab(lab, state, generated, lock, log);
    } catch (error) {
      await removeLab(lab, lock);
      await removeLast();
      throw error;
    }
  });
  return { hosts: state.hosts.length, inventoryPath: state.inventory };
}

async function removeRemains(lab: string, lock: number, log: (message: string) => void): Promise<void> {
  const namespaces = listNamespaces().filter((namespace) => paths.isNamespaceOf(lab, namespace));
  const state = await readLabState(lab);
  const isAlive = [...findProcesses(namespaces).values()].some((pids) => pids.length > 0);
  if (state?.phase === 'up' && isAlive)
    throw new VxfleetError('lab', `lab ${lab} is already up, with ${state.hosts.length - 1} spokes`, {
      hint: `vxfleet lab down${lab === 'lab' ? '' : ` --name ${lab}`} ends it.`,
    });
  if (await removeLab(lab, lock)) log('removed what an earlier lab had left behind');
}

async function makeLab(
  lab: string,
  state: LabState,
  generated: string | undefined,
  lock: number,
  log: (message: string) => void,
): Promise<void> {
  await mkdir(`${paths.stateDirectory(lab)}/consoles`, { recursive: true, mode: 0o700 });
  await writeLabState(lab, state);
  await mkdir(paths.disksDirectory(lab));
  await runProgram(['mount', '-t', 'tmpfs', '-o', 'mode=700', 'vxfleet-lab', paths.disksDirectory(lab)], {
    keepOpen: lock,
  });
  for (const image of new Set(state.hosts.map((host) => host.image)))
    await installImage(image, paths.imageDirectory(lab, image), lock, log);
  log(`laying the cables of ${state.hosts.length} hosts`);
  await makeNetwork(lab, state, lock);
  await makeHome(lab, state);
  if (generated !== undefined) await writeFile(paths.inventoryFile(lab), generated);
  log(`starting ${state.hosts.length} hosts`);
  const limit = pLimit(availableParallelism() * STARTS_PER_CORE);
  const starts = await Promise.allSettled(state.hosts.map((host) => limit(() => startHost(lab, host))));
  for (const start of starts) if (start.status === 'rejected') throw start.reason;
  await writeLabState(lab, { ...state, phase: 'up' });
}

async function makeNetwork(lab: string, state: LabState, lock: number): Promise<void> {
  const bridge = paths.bridgeNamespace(lab);
  const controller = paths.controllerNamespace(lab);
  await rememberNetnsMount();
  await runBatch(namespaceLines(lab, state), { lock });
  // The bridge forwards frames and has nothing to say itself; 257 ports with IPv6 would.
  const silence = 'for scope in all default; do echo 1 >/proc/sys/net/ipv6/conf/$scope/disable_ipv6; done';
  await runProgram(['nsenter', `--net=${paths.NETNS_ROOT}/${bridge}`, 'sh', '-c', silence], { keepOpen: lock });
  await runBatch(bridgeLines(lab, state), { namespace: bridge, lock });
  await runBatch(controllerLines(state), { namespace: controller, lock });
}

/** The controller's HOME: its key, the key of every host, an empty ssh_config. */
async function makeHome(lab: string, { hosts }: LabState): Promise<void> {
  const directory = `${paths.homeDirectory(lab)}/.ssh`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const key = generateOpensshKey('vxfleet-lab');
  const known: string[] = [];
  for (const host of hosts) {
    const publicKey = await makeHostDisk(lab, host, `${key.publicKey} vxfleet-lab`);
    known.push(`${host.port === 22 ? host.address : `[${host.address}]:${host.port}`} ${publicKey}\n`);
  }
  await writeFile(`${directory}/id_ed25519`, key.privateKey, { mode: 0o600 });
  await writeFile(`${directory}/id_ed25519.pub`, `${key.publicKey} vxfleet-lab\n`);
  await writeFile(`${directory}/known_hosts`, known.join(''));
  // Read in place of the machine's own, which is about other hosts.
  await writeFile(`${directory}/config`, "# ssh_config of the lab's controller.\n");
}
