/** Where a lab keeps its things, and what its namespaces are called. */
import { fileURLToPath } from 'node:url';
import { VxfleetError } from '../errors.js';

/** One directory a lab; its flock is the lock of everything that makes or removes labs. */
export const STATE_ROOT = '/run/vxfleet-lab';
/** One directory an image, and the marks of what the first lab changed on the machine. */
export const IMAGE_ROOT = '/var/cache/vxfleet-lab';
/** Where iproute2 keeps named network namespaces. */
export const NETNS_ROOT = '/run/netns';

/** What commands and tests use when no name is given. */
export const defaultLabName = (): string => process.env['VXFLEET_LAB'] ?? 'lab';

/**
 * A lab's name, checked.
 * No hyphen: `vxl-a-b` must be lab a's host b and nothing else.
 * @throws VxfleetError lab
 */
export function checkLabName(name: string): string {
  if (/^[a-z0-9]{1,24}$/.test(name)) return name;
  throw new VxfleetError('lab', `"${name}" cannot be a lab's name`, { hint: 'Use 1 to 24 of a-z and 0-9.' });
}

/** The lab's directory: state.json, inventory.yaml, home/, consoles/ and the tmpfs disks/. */
export const stateDirectory = (lab: string): string => `${STATE_ROOT}/${lab}`;
/** Written first, removed first: without it nothing may start in the lab. */
export const stateFile = (lab: string): string => `${stateDirectory(lab)}/state.json`;
export const inventoryFile = (lab: string): string => `${stateDirectory(lab)}/inventory.yaml`;
/** HOME of the controller. */
export const homeDirectory = (lab: string): string => `${stateDirectory(lab)}/home`;
/** The tmpfs with the images' copies (`.image`) and every host's upper layer. */
export const disksDirectory = (lab: string): string => `${stateDirectory(lab)}/disks`;
/** The lab's copy of an image. */
export const imageDirectory = (lab: string, image: string): string => `${disksDirectory(lab)}/.image/${image}`;
/** What a host's init printed. */
export const consoleFile = (lab: string, host: string): string => `${stateDirectory(lab)}/consoles/${host}`;

export const hostNamespace = (lab: string, host: string): string => `vxl-${lab}-${host}`;
/** A dot, which no host's name has: a spoke may be called bridge. */
export const bridgeNamespace = (lab: string): string => `vxl-${lab}.bridge`;
export const controllerNamespace = (lab: string): string => `vxl-${lab}.controller`;
/** Whether a network namespace is one of this lab's. */
export const isNamespaceOf = (lab: string, namespace: string): boolean =>
  namespace.startsWith(`vxl-${lab}-`) || namespace.startsWith(`vxl-${lab}.`);

/** One of the bash programs beside this file. */
export const programFile = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));
