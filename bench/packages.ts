/** The Debian packages that the contestants and the measuring need. */
import { runProgram } from '../src/lab/run-program.js';

/** A program, and the package that has it. */
export interface NeededProgram {
  readonly program: string;
  readonly packages: readonly string[];
}

export const FOR_PINGS: NeededProgram = { program: 'cc', packages: ['gcc', 'libc6-dev'] };
export const FOR_ANSIBLE: NeededProgram = { program: 'ansible-playbook', packages: ['ansible-core'] };
export const FOR_TUNING: NeededProgram = {
  program: '/usr/lib/python3/dist-packages/ansible_mitogen/__init__.py',
  packages: ['ansible-mitogen', 'python3-mitogen'],
};

/** Installs what is missing. */
export async function installPrograms(needed: readonly NeededProgram[], log: (message: string) => void): Promise<void> {
  const missing: string[] = [];
  for (const { program, packages } of needed) {
    const found = ['sh', '-c', 'command -v "$1" >/dev/null || [ -e "$1" ]', 'sh', program];
    await runProgram(found).catch(() => missing.push(...packages));
  }
  if (missing.length === 0) return;
  log(`installing ${missing.join(' ')}`);
  const install =
    'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "$@"';
  await runProgram(['sh', '-c', install, 'sh', ...missing], { title: 'apt-get' });
}
