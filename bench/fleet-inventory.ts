/** Inventories of the lab's fleet, each with its changes. Pure. */
import type { LabHost } from '../src/lab/lab-state.js';

export interface SpokeChange {
  /** Where SSH reaches it, if not at its underlay address. */
  readonly ssh?: { readonly host: string; readonly port: number };
  readonly mtu?: number;
  readonly vni?: number;
  readonly dstport?: number;
  readonly metric?: number;
}

/** Each third spoke is in policy mode, as in the lab's own inventory; ids go by the order of the hosts. */
const isPolicy = (id: number): boolean => id % 3 === 0;

export function inventoryText(hosts: readonly LabHost[], changes: Readonly<Record<string, SpokeChange>>): string {
  const [hub, ...spokes] = hosts;
  const lines = spokes.map((host, index) => {
    const { ssh, mtu, vni, dstport, metric } = changes[host.name] ?? {};
    const id = index + 1;
    const vxlan = Object.entries({ mtu, vni, dstport }).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}: ${value}`],
    );
    const keys = [
      `id: ${id}`,
      ...(isPolicy(id) ? ['mode: policy'] : []),
      `underlay: ${underlay(host)}`,
      ...(ssh === undefined ? [] : [`ssh: { host: ${ssh.host}, port: ${ssh.port} }`]),
      ...(vxlan.length === 0 ? [] : [`vxlan: { ${vxlan.join(', ')} }`]),
      ...(metric === undefined ? [] : [`metric: ${metric}`]),
    ];
    return `  ${host.name}: { ${keys.join(', ')} }\n`;
  });
  if (hub === undefined) throw new Error('a fleet without a hub');
  return `prefix: 2001:db8:ae00::/40\nhub: { underlay: ${underlay(hub)} }\nspokes:\n${lines.join('')}`;
}

const underlay = ({ address, device }: LabHost): string => `{ address: ${address}, device: ${device} }`;

/** The spoke's address in its tunnel's /80. */
export const tunnelAddress = (id: number): string => `2001:db8:ae00:0:${id.toString(16)}::2`;
