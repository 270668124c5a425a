/** Commands that run inside the lab, as data: what to spawn for them. */
import { requireInit, requireLab } from './find-host.js';
import { controllerNamespace, homeDirectory, NETNS_ROOT } from './lab-paths.js';

export interface LabCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * vxfleet on the controller: in its network namespace, with its HOME, its ssh_config alone and the lab's inventory.
 * @param binPath vxfleet's entry file
 * @throws VxfleetError lab when the lab is not up
 */
export async function controllerCommand(lab: string, binPath: string, argv: readonly string[]): Promise<LabCommand> {
  const { inventory } = await requireLab(lab);
  const home = homeDirectory(lab);
  const { SSH_AUTH_SOCK: _agent, ...inherited } = process.env;
  return {
    command: 'nsenter',
    args: [`--net=${NETNS_ROOT}/${controllerNamespace(lab)}`, '--', process.execPath, binPath, ...argv],
    env: {
      ...inherited,
      HOME: home,
      VXFLEET_INVENTORY: inventory,
      VXFLEET_LAB: lab,
      VXFLEET_SSH_CONFIG: `${home}/.ssh/config`,
    },
  };
}

/**
 * Any command in a host's namespaces and root.
 * @throws VxfleetError lab when there is no such host or it is dead
 */
export async function hostCommand(lab: string, host: string, argv: readonly string[]): Promise<LabCommand> {
  const pid = await requireInit(lab, host);
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return {
    command: 'nsenter',
    // The target's root is entered first and env is looked up there.
    args: [
      '-t',
      String(pid),
      '-m',
      '-u',
      '-i',
      '-n',
      '-p',
      '-r',
      '-w',
      '/usr/bin/env',
      '-i',
      ...environment(path),
      ...argv,
    ],
    env: process.env,
  };
}

const environment = (path: string): string[] => [
  `PATH=${path}`,
  'HOME=/root',
  'USER=root',
  'LC_ALL=C.UTF-8',
  `TERM=${process.env['TERM'] ?? 'dumb'}`,
];
