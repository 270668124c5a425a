/** Whether this machine can run a lab at all. */
import { access, constants, readFile } from 'node:fs/promises';
import { VxfleetError } from '../errors.js';
import { programEnvironment, runProgram } from './run-program.js';

/** What the lab runs on the machine itself, and the Debian package that has it. */
const PROGRAMS = [
  ['ip', 'iproute2'],
  ['flock', 'util-linux'],
  ['unshare', 'util-linux'],
  ['nsenter', 'util-linux'],
  ['setpriv', 'util-linux'],
  ['mount', 'mount'],
] as const;

/**
 * @throws VxfleetError lab, naming what is missing and the way out
 */
export async function checkMachine(): Promise<void> {
  if (process.platform !== 'linux')
    throw new VxfleetError('lab', `the lab needs Linux, this is ${process.platform}`, {
      hint: 'Use a virtual machine with Debian.',
    });
  checkRoot();
  for (const [program, debianPackage] of PROGRAMS)
    if (!(await isInstalled(program)))
      throw new VxfleetError('lab', `the lab needs the program ${program}`, {
        hint: `apt-get install ${debianPackage}`,
      });
  await checkOverlayfs();
  await checkNamespaces();
}

/**
 * Every lab command needs root.
 * @throws VxfleetError lab
 */
export function checkRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new VxfleetError('lab', 'the lab needs root: it makes namespaces and mounts', { hint: 'Run it with sudo.' });
}

async function isInstalled(program: string): Promise<boolean> {
  const directories = (programEnvironment()['PATH'] ?? '').split(':');
  const found = await Promise.all(
    directories.map((directory) =>
      access(`${directory}/${program}`, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

async function checkOverlayfs(): Promise<void> {
  const isKnown = async (): Promise<boolean> => /\boverlay\b/.test(await readFile('/proc/filesystems', 'utf8'));
  if (await isKnown()) return;
  await runProgram(['modprobe', 'overlay']).catch(() => undefined);
  if (!(await isKnown()))
    throw new VxfleetError('lab', 'this kernel has no overlayfs', {
      hint: 'Use a kernel with CONFIG_OVERLAY_FS, as Debian has.',
    });
}

/** Tries what the lab will do, in namespaces that end with the try. */
async function checkNamespaces(): Promise<void> {
  try {
    await runProgram(['unshare', '--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child', 'true']);
  } catch (cause) {
    throw new VxfleetError('lab', 'this machine does not let root make namespaces', {
      cause,
      hint: 'In a container, start it privileged; better, use a virtual machine.',
    });
  }
  const trial = [
    'link add name a type veth peer name b',
    'link add name v type vxlan id 1 dev a dstport 4789',
    'link add name c type bridge',
  ];
  try {
    await runProgram(['unshare', '--net', 'ip', '-batch', '-'], { input: trial.join('\n') });
  } catch (cause) {
    throw new VxfleetError('lab', 'this kernel has no veth, bridge or VXLAN devices', {
      cause,
      hint: 'modprobe veth; modprobe bridge; modprobe vxlan',
    });
  }
}
