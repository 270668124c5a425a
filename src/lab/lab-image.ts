/** What is below the hosts' own disks: built once, kept in IMAGE_ROOT. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { VxfleetError } from '../errors.js';
import { IMAGE_ROOT, programFile } from './lab-paths.js';
import type { LabImage } from './lab-state.js';
import { runProgram } from './run-program.js';

/**
 * Builds the image unless it is there, and copies it: the layer over the machine's root in `upper`, or a release's own root in `root`.
 * A copy, not the image itself: overlayfs refuses a layer that lies inside another one, and the machine's root is a layer too.
 * @param destination becomes the copy's directory
 * @throws VxfleetError lab
 */
export async function installImage(
  image: LabImage,
  destination: string,
  lock: number,
  log: (message: string) => void,
): Promise<void> {
  const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const title = "the lab's image could not be made";
  try {
    await runProgram([...namespaces, ...(await buildCommand(image, destination))], {
      keepOpen: lock,
      onLine: log,
      title,
    });
  } catch (cause) {
    const [message = title, hint] = String(cause instanceof Error ? cause.message : cause).split('\nhint: ');
    throw new VxfleetError('lab', message, { cause, hint });
  }
}

async function buildCommand(image: LabImage, destination: string): Promise<string[]> {
  const [debian = '', ifupdown] = image.split('+');
  const rest = ifupdown === undefined ? [] : [ifupdown];
  if (debian === 'machine') {
    // Another recipe or another Debian makes another image.
    const digest = await digestFiles(['build-image.bash', 'image-parts.bash', 'mount-api.bash'], '/etc/debian_version');
    return ['bash', programFile('build-image.bash'), IMAGE_ROOT, [...rest, digest].join('-'), destination, ...rest];
  }
  const key = [debian, ...rest, await digestFiles(['debootstrap-image.bash', 'image-parts.bash'])].join('-');
  return ['bash', programFile('debootstrap-image.bash'), IMAGE_ROOT, key, destination, debian, ...rest];
}

/** Removes every image; labs that are up have copies. */
export async function purgeImage(): Promise<void> {
  await runProgram(['bash', '-c', '[[ -d $1 ]] || exit 0; exec 9<"$1"; flock 9; rm -rf "$1"', 'purge', IMAGE_ROOT]);
}

async function digestFiles(programs: readonly string[], ...others: readonly string[]): Promise<string> {
  const texts = await Promise.all([...programs.map(programFile), ...others].map((file) => readFile(file, 'utf8')));
  return createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 16);
}
