/** Which Debian a lab's hosts run. Pure. */
import { VxfleetError } from '../errors.js';
import { LAB_IMAGES, type LabHost, type LabImage } from './lab-state.js';

/** What `lab up --image` says: of all hosts, or of one. */
export interface ImageChoice {
  /** `hub` or a spoke's name; all hosts that no other choice names when absent. */
  readonly host?: string;
  readonly image: LabImage;
}

/**
 * `trixie` or `tokyo=trixie`.
 * @returns undefined when there is no such image
 */
export function parseImageChoice(text: string): ImageChoice | undefined {
  const [, host, name] = /^(?:(.*)=)?(.*)$/.exec(text) ?? [];
  const image = LAB_IMAGES.find((candidate) => candidate === name);
  if (image === undefined) return undefined;
  return host === undefined ? { image } : { host, image };
}

/**
 * The hosts with the images that were chosen for them; of two choices for the same the later one counts.
 * @throws VxfleetError lab for a choice that names no host
 */
export function chooseImages(hosts: readonly LabHost[], choices: readonly ImageChoice[]): LabHost[] {
  const chosen = new Map(choices.map(({ host, image }) => [host, image]));
  const unknown = [...chosen.keys()].filter((name) => name !== undefined && !hosts.some((host) => host.name === name));
  if (unknown.length > 0)
    throw new VxfleetError('lab', `an image is given for ${unknown.join(', ')}, but the lab has no such host`, {
      hint: `It has ${nameHosts(hosts)}.`,
    });
  return hosts.map((host) => ({ ...host, image: chosen.get(host.name) ?? chosen.get(undefined) ?? host.image }));
}

/** The first names of a lab's hosts, for a message. */
export function nameHosts(hosts: readonly LabHost[]): string {
  const names = hosts.slice(0, 10).map(({ name }) => name);
  return `${names.join(', ')}${hosts.length > names.length ? ', …' : ''}`;
}
