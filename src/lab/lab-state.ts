/** What a lab is made of, as kept in its state.json. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { stateFile } from './lab-paths.js';

/**
 * `machine` is the Debian of the machine itself, under a layer; the others are releases of their own, made with debootstrap. Behind a plus stands what
 * takes ifupdown's place, or stands beside it where Debian lets both be installed (ifupdown-ng from Debian 13 on).
 */
export const LAB_IMAGES = [
  'machine',
  'bullseye',
  'bookworm',
  'trixie',
  'machine+ifupdown2',
  'machine+ifupdown-ng',
  'trixie+ifupdown2',
  'trixie+ifupdown-ng',
] as const;

export type LabImage = (typeof LAB_IMAGES)[number];

/** One host of a lab. */
export interface LabHost {
  /** `hub` or the spoke's name. */
  readonly name: string;
  readonly role: 'hub' | 'spoke';
  /** IPv4 address in UNDERLAY. */
  readonly address: string;
  /** Name of its underlay interface. */
  readonly device: string;
  /** TCP port of its sshd. */
  readonly port: number;
  /** Fixed: with a new one after a reboot, neighbours would keep the old ARP entry for minutes. */
  readonly mac: string;
  /** The bridge's end of its cable. */
  readonly bridgePort: string;
  /** The Debian that it runs. */
  readonly image: LabImage;
}

export interface LabState {
  /** `starting` with nobody holding the lock is what a crash leaves. */
  readonly phase: 'starting' | 'up';
  /** Address of the controller in the underlay. */
  readonly controller: string;
  /** The inventory that `lab run` uses: the one given to `lab up`, or the lab's own. Absolute path. */
  readonly inventory: string;
  /** The hub first. */
  readonly hosts: readonly LabHost[];
}

/** A lab's hosts before it is known which inventory they go by. */
export type LabFleet = Omit<LabState, 'inventory'>;

/** The state of a lab, or undefined when there is none (or only remains without a readable state). */
export async function readLabState(lab: string): Promise<LabState | undefined> {
  try {
    return JSON.parse(await readFile(stateFile(lab), 'utf8')) as LabState;
  } catch {
    return undefined;
  }
}

/** Replaces the state at once: a reader sees the old one or the new one. */
export async function writeLabState(lab: string, state: LabState): Promise<void> {
  const draft = `${stateFile(lab)}.new`;
  await writeFile(draft, `${JSON.stringify(state, null, 2)}\n`);
  await rename(draft, stateFile(lab));
}
