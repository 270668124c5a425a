/** The lab's cabling: lines for `ip -batch`. Pure. */
import { bridgeNamespace, controllerNamespace, hostNamespace } from './lab-paths.js';
import type { LabHost, LabState } from './lab-state.js';

/** For `ip -batch`: every namespace of the lab. */
export const namespaceLines = (lab: string, { hosts }: LabState): string[] =>
  [bridgeNamespace(lab), controllerNamespace(lab), ...hosts.map(({ name }) => hostNamespace(lab, name))].map(
    (namespace) => `netns add ${namespace}`,
  );

/** For `ip -n BRIDGE -batch`: the bridge and every cable, before any host has started. */
export function bridgeLines(lab: string, { hosts }: LabState): string[] {
  return [
    // No multicast snooping: a querier-less bridge would have nothing to snoop, and 257 hosts have much to say when they start.
    'link add name br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    'link set dev br0 up',
    `link add name controller type veth peer name eth0 netns ${controllerNamespace(lab)}`,
    'link set dev controller master br0 up',
    ...hosts.flatMap((host) => cableLines(lab, host)),
  ];
}

/** For `ip -n BRIDGE -batch`: one host's cable, plugged in. */
export const cableLines = (lab: string, { name, device, mac, bridgePort }: LabHost): string[] => [
  `link add name ${bridgePort} type veth peer name ${device} address ${mac} netns ${hostNamespace(lab, name)}`,
  `link set dev ${bridgePort} master br0 up`,
];

/** For `ip -n CONTROLLER -batch`. */
export const controllerLines = ({ controller, hosts }: LabState): string[] => [
  'link set dev lo up',
  `address add ${controller}/15 dev eth0`,
  'link set dev eth0 up',
  // All namespaces share the kernel's one neighbour table, of 1024 entries by default; fixed ones do not count.
  ...hosts.map(({ address, mac }) => `neigh replace ${address} lladdr ${mac} dev eth0 nud permanent`),
];
