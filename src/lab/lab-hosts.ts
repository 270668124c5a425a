/** Which hosts an inventory asks the lab for. Pure. */
import { VxfleetError } from '../errors.js';
import { DEFAULTS, type Inventory, type SshTarget, type Underlay } from '../inventory/inventory.js';
import { HUB_ADDRESS, spokeAddress, spokeName } from './generate-inventory.js';
import type { LabHost, LabFleet } from './lab-state.js';

/** The lab's IPv4 network: 198.18.0.0/15 is set aside for tests (RFC 2544) and is nobody's. */
const UNDERLAY = '198.18.0.0/15';

/**
 * The hosts of an inventory, the hub first, and a free address for the controller.
 * @throws VxfleetError lab, with everything that keeps the inventory from running in a lab
 */
export function describeLab(inventory: Inventory): LabFleet {
  const members = [{ name: 'hub', ...inventory.hub }, ...inventory.spokes];
  const problems = members.flatMap(({ name, underlay, ssh }) => findProblems(name, underlay, ssh));
  if (problems.length > 0)
    throw new VxfleetError('lab', `${inventory.path} does not fit the lab:\n${problems.join('\n')}`, {
      hint: 'Start the lab without an inventory to see one that does: vxfleet lab up.',
    });
  return asState(
    members.map(({ name, underlay: { address, device }, ssh }) => {
      const port = ssh.port ?? DEFAULTS.sshPort;
      return { name, address, device, port };
    }),
  );
}

/** The hosts of the generated inventory, the same as describeLab would find in it. */
export function describeGeneratedLab(spokes: number): LabFleet {
  const device = 'eth0';
  const port = DEFAULTS.sshPort;
  const ids = Array.from({ length: spokes }, (_, index) => index + 1);
  return asState([
    { name: 'hub', address: HUB_ADDRESS, device, port },
    ...ids.map((id) => ({ name: spokeName(id), address: spokeAddress(id), device, port })),
  ]);
}

function asState(members: readonly Pick<LabHost, 'name' | 'address' | 'device' | 'port'>[]): LabFleet {
  const hosts = members.map((member, index): LabHost => ({
    ...member,
    role: index === 0 ? 'hub' : 'spoke',
    mac: macOf(member.address),
    bridgePort: `port${index}`,
    image: 'machine',
  }));
  return { phase: 'starting', controller: freeAddress(hosts), hosts };
}

function findProblems(name: string, underlay: Underlay, ssh: SshTarget): string[] {
  return [
    ...(isLabAddress(underlay.address) ? [] : [`${name}: underlay address ${underlay.address} is not in ${UNDERLAY}`]),
    ...(ssh.host === underlay.address ? [] : [`${name}: ssh host ${ssh.host} is not its underlay address`]),
    ...((ssh.user ?? 'root') === 'root' ? [] : [`${name}: ssh user ${ssh.user} does not exist in the lab, only root`]),
    ...(ssh.identityFile === undefined ? [] : [`${name}: the lab makes its own key, identity_file cannot be used`]),
    ...(underlay.device === 'lo' ? [`${name}: lo cannot be an underlay device`] : []),
  ];
}

/** In the /15, and neither its network nor its broadcast address. */
const isLabAddress = (address: string): boolean =>
  /^198\.1[89]\.\d+\.\d+$/.test(address) && address !== '198.18.0.0' && address !== '198.19.255.255';

const macOf = (address: string): string =>
  ['02', '00', ...address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))].join(':');

function freeAddress(hosts: readonly LabHost[]): string {
  const taken = new Set(hosts.map(({ address }) => address));
  let last = 254;
  while (taken.has(`198.19.255.${last}`)) last -= 1;
  return `198.19.255.${last}`;
}
