/** The same job as its experts would do it with Ansible: one templated file a host, bounced when it changed, pinged from the hub. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FIRST, NOTHING, type Contestant } from './contestant.js';
import type { Fleet } from './fleet.js';
import { tunnelAddress } from './fleet-inventory.js';
import type { RenderedFile } from './rendered-files.js';
import { COUNTING_PORT } from './relays.js';

export interface AnsibleOptions {
  readonly forks: number;
  readonly strategy?: 'mitogen_linear';
}

/** Of the hub's tunnels at once; the floor has the same. */
const HUB_BOUNCES = 8;
const HUB_PINGS = 64;
/** Where Debian's ansible-mitogen keeps it. */
const MITOGEN = '/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy';

export async function ansibleContestant(
  fleet: Fleet,
  files: readonly RenderedFile[],
  options: AnsibleOptions,
): Promise<Contestant> {
  const directory = join(fleet.directory, 'ansible');
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, 'templates'), { recursive: true });
  const addresses = fleet.spokes.map((_, index) => tunnelAddress(index + 1));
  await writeFile(join(directory, 'ansible.cfg'), configText(fleet, directory, options));
  await writeFile(join(directory, 'hosts'), hostsText(fleet));
  await writeFile(join(directory, 'site.yml'), PLAYBOOK);
  await writeFile(join(directory, 'templates/tunnels'), addresses.map((address) => `${address}\n`).join(''));
  for (const { name } of fleet.hosts) {
    const own = files.filter(({ host }) => host === name).map(({ text }) => text);
    await writeFile(join(directory, 'templates', name), own.join('\n'));
  }
  const scenario = {
    argv: ['ansible-playbook', join(directory, 'site.yml')],
    env: { ANSIBLE_CONFIG: join(directory, 'ansible.cfg') },
  };
  const name = options.strategy === undefined ? 'ansible' : 'mitogen';
  return {
    name,
    scenarios: [
      { ...scenario, name: FIRST },
      { ...scenario, name: NOTHING },
    ],
  };
}

const configText = ({ home }: Fleet, directory: string, { forks, strategy }: AnsibleOptions): string => `[defaults]
inventory = ${directory}/hosts
forks = ${forks}
gathering = explicit
remote_user = root
private_key_file = ${home}/.ssh/id_ed25519
interpreter_python = /usr/bin/python3
retry_files_enabled = false
nocows = true
local_tmp = ${directory}/tmp
timeout = 60
${strategy === undefined ? '' : `strategy_plugins = ${MITOGEN}\nstrategy = ${strategy}\n`}
[ssh_connection]
pipelining = true
control_path_dir = ${directory}/cp
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o PreferredAuthentications=publickey -o UserKnownHostsFile=${home}/.ssh/known_hosts
`;

const hostsText = ({ hosts, relayed }: Fleet): string =>
  hosts
    .map((host) => {
      const at = host === relayed ? { address: '127.0.0.1', port: COUNTING_PORT } : host;
      return `${host.name} ansible_host=${at.address} ansible_port=${at.port}\n`;
    })
    .join('');

const FILE = '/etc/network/interfaces.d/vxfleet';

const PLAYBOOK = `- hosts: all
  gather_facts: false
  tasks:
    - name: Write the interfaces file
      ansible.builtin.template:
        src: "{{ inventory_hostname }}"
        dest: ${FILE}
        mode: "0644"
      notify: Bounce
  handlers:
    - name: Bounce
      ansible.builtin.shell: >-
        sed -n 's/^auto //p' ${FILE} |
        xargs -n 1 -P ${HUB_BOUNCES} sh -c 'ifdown --force "$0" 2>/dev/null; ifup "$0"'

- hosts: hub
  gather_facts: false
  tasks:
    - name: Ping through every tunnel
      ansible.builtin.command:
        cmd: xargs -n 1 -P ${HUB_PINGS} ping -6 -n -q -c 1 -i 0.2 -w 10
        stdin: "{{ lookup('file', 'templates/tunnels') }}"
      changed_when: false
`;
