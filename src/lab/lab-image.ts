/** The layer over the machine's root that makes a Debian server out of it; built once, kept in IMAGE_ROOT. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { VxfleetError } from '../errors.js';
import { IMAGE_ROOT, programFile } from './lab-paths.js';
import { runProgram } from './run-program.js';

/**
 * Builds the image unless it is there, and copies it.
 * A copy, not the image itself: overlayfs refuses a layer that lies inside another one, and the machine's root is a layer too.
 * @param destination becomes the directory with the layer in `upper`
 * @throws VxfleetError lab
 */
export async function installImage(destination: string, lock: number, log: (message: string) => void): Promise<void> {
  const key = await imageKey();
  const build = ['bash', programFile('build-image.bash'), IMAGE_ROOT, key, destination];
  const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const title = "the lab's image could not be made";
  try {
    await runProgram([...namespaces, ...build], { keepOpen: lock, onLine: log, title });
  } catch (cause) {
    const [message = title, hint] = String(cause instanceof Error ? cause.message : cause).split('\nhint: ');
    throw new VxfleetError('lab', message, { cause, hint });
  }
}

/** Removes every image; labs that are up have copies. */
export async function purgeImage(): Promise<void> {
  await runProgram(['bash', '-c', '[[ -d $1 ]] || exit 0; exec 9<"$1"; flock 9; rm -rf "$1"', 'purge', IMAGE_ROOT]);
}

/** Another recipe or another Debian makes another image. */
async function imageKey(): Promise<string> {
  const recipe = ['build-image.bash', 'mount-api.bash'].map(programFile);
  const texts = await Promise.all([...recipe, '/etc/debian_version'].map((file) => readFile(file, 'utf8')));
  return createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 16);
}
