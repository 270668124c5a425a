/** Which running host a command means. */
import { readdir } from 'node:fs/promises';
import { VxfleetError } from '../errors.js';
import { checkRoot } from './check-machine.js';
import { nameHosts } from './lab-images.js';
import { checkLabName, hostNamespace, STATE_ROOT } from './lab-paths.js';
import { readLabState, type LabHost, type LabState } from './lab-state.js';
import { findInit } from './namespace-processes.js';

/**
 * The state of a lab that is up.
 * @throws VxfleetError lab
 */
export async function requireLab(name: string): Promise<LabState> {
  checkRoot();
  const state = await readLabState(checkLabName(name));
  if (state?.phase === 'up') return state;
  const others = (await readdir(STATE_ROOT).catch((): string[] => [])).filter((entry) => !entry.startsWith('.'));
  const hint = others.length === 0 ? '' : ` There are: ${others.join(', ')} (--name).`;
  throw new VxfleetError('lab', `lab ${name} is not up`, { hint: `vxfleet lab up starts it.${hint}` });
}

/**
 * A host of a lab by its name.
 * @throws VxfleetError lab
 */
export async function requireHost(name: string, host: string): Promise<LabHost> {
  const { hosts } = await requireLab(name);
  const found = hosts.find((candidate) => candidate.name === host);
  if (found !== undefined) return found;
  throw new VxfleetError('lab', `lab ${name} has no host ${host}`, {
    hint: `It has ${nameHosts(hosts)}.`,
  });
}

/**
 * The machine's pid of a host's init.
 * @throws VxfleetError lab when the host is dead
 */
export async function requireInit(name: string, host: string): Promise<number> {
  await requireHost(name, host);
  const pid = findInit(hostNamespace(name, host));
  if (pid !== undefined) return pid;
  throw new VxfleetError('lab', `${host} is not running`, {
    host,
    hint: `vxfleet lab reboot ${host} starts it again.`,
  });
}
