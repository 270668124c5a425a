/** Tunnels of this fleet that the hub still has and the inventory no longer names. */
import { DEFAULTS, type Spoke } from '../inventory/inventory.js';
import type { HostFacts } from '../host/host-facts.js';
import { isInPrefix } from '../plan/is-in-prefix.js';
import { MAC_PREFIX, planTunnel } from '../plan/make-plan.js';
import type { FleetPlan, TunnelPlan } from '../plan/plan.js';
import { addressOf, ownerOf, remoteOf } from '../render/check-stanza.js';

export interface Orphan {
  readonly interface: string;
  /** The spoke's name, as far as the file says it. */
  readonly spoke: string | undefined;
  /** The spoke's underlay address. */
  readonly remote: string | undefined;
  /** false: a link without a file, which no revert could bring back; a person has to remove it. */
  readonly hasFile: boolean;
}

/** By the hub's facts. What belongs to another fleet's prefix, or to nobody, is not ours to name. */
export function findOrphans(facts: HostFacts, fleet: FleetPlan): Orphan[] {
  const planned = new Map(fleet.tunnels.map((tunnel) => [tunnel.interface, tunnel]));
  const isOurs = (address: string | undefined): boolean => address !== undefined && isInPrefix(address, fleet.prefix);
  const files = [...facts.files].flatMap(([name, text]): Orphan[] => {
    const owner = ownerOf(text);
    if (owner?.interface !== name || !isOurs(addressOf(text))) return [];
    const plan = planned.get(name);
    const remote = remoteOf(text);
    // The interface may be another spoke's by now.
    if (plan !== undefined && (owner.spoke === plan.spoke || remote === plan.spokeUnderlay.address)) return [];
    return [{ interface: name, spoke: owner.spoke, remote, hasFile: true }];
  });
  const links = [...facts.links.values()]
    .filter(({ name, mac }) => mac.startsWith(MAC_PREFIX) && !facts.files.has(name) && !planned.has(name))
    .filter(({ addresses }) => addresses.some(({ address }) => isOurs(address)))
    .map(({ name, remote }): Orphan => ({ interface: name, spoke: undefined, remote, hasFile: false }));
  return [...files, ...links].sort((a, b) => idOf(a) - idOf(b));
}

const idOf = (orphan: Orphan): number => Number.parseInt(orphan.interface.slice('vxlan'.length), 16);

/** What is known of a tunnel that is no longer planned, when no generation says it: enough to take it away. */
export function planOrphan(orphan: Orphan, { prefix, hub }: FleetPlan): TunnelPlan {
  const address = orphan.remote ?? '';
  const spoke: Spoke = {
    name: orphan.spoke ?? orphan.interface,
    id: idOf(orphan),
    mode: 'gateway',
    underlay: { address, local: address, device: 'unknown', hotplug: false },
    ssh: { ...hub.ssh, host: address, port: undefined },
    vni: idOf(orphan),
    dstport: DEFAULTS.dstport,
    srcport: DEFAULTS.srcport,
    mtu: undefined,
    metric: DEFAULTS.metric,
    tags: [],
  };
  return planTunnel({ prefix, hub }, spoke);
}

/** One sentence for the person who deploys. */
export function describeOrphan({ interface: name, spoke, remote, hasFile }: Orphan): string {
  const whose = [spoke, remote].filter((word) => word !== undefined).join(', ');
  return hasFile
    ? `${name} (${whose}) is on the hub and not in the inventory: left as it is; deploy --prune removes it from both ends`
    : `${name} (${whose}) runs on the hub without a file and is not in the inventory: ip link del dev ${name} removes it`;
}
