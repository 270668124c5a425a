/** Tunnels of this fleet that a host still has and the inventory no longer names. */
import { DEFAULTS } from '../inventory/inventory.js';
import type { HostFacts } from '../host/host-facts.js';
import { isInPrefix } from '../plan/is-in-prefix.js';
import { FIRST_TABLE, MAC_PREFIX, planTunnel } from '../plan/make-plan.js';
import type { FleetPlan, KeptPlan, TunnelPlan } from '../plan/plan.js';
import { addressOf, ownerOf, remoteOf, rulesOf, vniOf } from '../render/check-stanza.js';

export interface Orphan {
  readonly interface: string;
  /** The spoke's name, as far as the file says it. */
  readonly spoke: string | undefined;
  /** The spoke's underlay address. */
  readonly remote: string | undefined;
  readonly vni: number | undefined;
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
    return [{ interface: name, spoke: owner.spoke, remote, vni: vniOf(text), hasFile: true }];
  });
  const links = [...facts.links.values()]
    .filter(
      ({ name, mac }) =>
        isTunnelName(name) && mac.startsWith(MAC_PREFIX) && !facts.files.has(name) && !planned.has(name),
    )
    .filter(({ addresses }) => addresses.some(({ address }) => isOurs(address)))
    .map(({ name, remote, vni }): Orphan => ({ interface: name, spoke: undefined, remote, vni, hasFile: false }));
  return [...files, ...links].sort((a, b) => idOf(a) - idOf(b));
}

/**
 * Old tunnels of this site on its spoke, which has one: an id that it had, and that was taken away at the hub alone. By the spoke's facts. What the hub
 * still has is an orphan there; what belongs to another spoke of the inventory is none of this site's.
 */
export function findLeftovers(
  facts: HostFacts,
  today: TunnelPlan,
  fleet: FleetPlan,
  hub: Pick<HostFacts, 'files' | 'links'>,
): Orphan[] {
  const isOld = (name: string): boolean => name !== today.interface && isTunnelName(name);
  const isHere = (addresses: readonly (string | undefined)[]): boolean =>
    addresses.some((address) => address !== undefined && isInPrefix(address, fleet.prefix));
  const isOthers = (spoke: string | undefined): boolean =>
    spoke !== today.spoke && fleet.tunnels.some((tunnel) => tunnel.spoke === spoke);
  const isOrphan = (name: string, spoke: string | undefined): boolean => {
    const text = hub.files.get(name);
    return text !== undefined && (ownerOf(text)?.spoke === spoke || remoteOf(text) === today.spokeUnderlay.address);
  };
  const files = [...facts.files].flatMap(([name, text]): Orphan[] => {
    const owner = ownerOf(text);
    if (!isOld(name) || owner?.interface !== name || !isHere([addressOf(text)])) return [];
    if (isOthers(owner.spoke) || isOrphan(name, owner.spoke)) return [];
    return [{ interface: name, spoke: owner.spoke, remote: remoteOf(text), vni: vniOf(text), hasFile: true }];
  });
  const links = [...facts.links.values()]
    .filter(({ name, mac }) => isOld(name) && mac.startsWith(MAC_PREFIX) && !facts.files.has(name))
    .filter(({ name, addresses }) => isHere(addresses.map(({ address }) => address)) && !hub.links.has(name))
    .map(({ name, remote, vni }): Orphan => ({ interface: name, spoke: undefined, remote, vni, hasFile: false }));
  return [...files, ...links].sort((a, b) => idOf(a) - idOf(b));
}

/** What a host has once these are gone: for a dry run. */
export function withoutTunnels(facts: HostFacts, gone: readonly Pick<Orphan, 'interface'>[]): HostFacts {
  if (gone.length === 0) return facts;
  const names = new Set(gone.map((orphan) => orphan.interface));
  const kept = <T>(map: ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...map].filter(([name]) => !names.has(name)));
  const ports = new Set([...names].map((name) => facts.links.get(name)?.dstport));
  const tables = new Set([...names].map((name) => String(FIRST_TABLE + idOf({ interface: name }))));
  const routes = facts.network.routes.filter(
    ({ device, table }) => !tables.has(table) && (device === undefined || !names.has(device)),
  );
  const made = new Set([...names].flatMap((name) => rulesOf(facts.files.get(name) ?? '')));
  const rules = facts.network.rules.filter(({ priority, from }) => !made.has(`${priority} ${from}`));
  return {
    ...facts,
    files: kept(facts.files),
    links: kept(facts.links),
    devices: kept(facts.devices),
    // Whoever else shares a port with them is seen by its own link.
    udpPorts: new Set([...facts.udpPorts].filter((port) => !ports.has(port))),
    network: { ...facts.network, routes, rules },
  };
}

const isTunnelName = (name: string): boolean => /^vxlan[0-9a-f]{2,4}$/.test(name);

const idOf = (orphan: Pick<Orphan, 'interface'>): number => Number.parseInt(orphan.interface.slice('vxlan'.length), 16);

/** What is known of a tunnel that is no longer planned, when no generation says it: enough to take it away. */
export function planOrphan(orphan: Orphan, { prefix, hub }: Pick<FleetPlan, 'prefix' | 'hub'>): KeptPlan {
  const address = orphan.remote ?? '';
  const spoke = {
    name: orphan.spoke ?? orphan.interface,
    id: idOf(orphan),
    mode: 'gateway' as const,
    underlay: { address, local: address, device: 'unknown', hotplug: false },
    vni: orphan.vni ?? idOf(orphan),
    dstport: DEFAULTS.dstport,
    srcport: DEFAULTS.srcport,
    mtu: undefined,
    metric: DEFAULTS.metric,
    tags: [],
    isolate: DEFAULTS.isolate,
  };
  return planTunnel({ prefix, hub, filter: DEFAULTS.filter }, spoke);
}

/** One sentence for the person who deploys. @param host the spoke that has it */
export function describeLeftover({ interface: name, remote, hasFile }: Orphan, host: string): string {
  const what = `${name} (to ${remote ?? 'no remote'}) on ${host}`;
  return hasFile
    ? `${what} is an old tunnel of this fleet, which comes up at each boot: left as it is; deploy --prune removes it`
    : `${what} is an old tunnel of this fleet and runs without a file: ip link del dev ${name} removes it`;
}

/** One sentence for the person who deploys. */
export function describeOrphan({ interface: name, spoke, remote, hasFile }: Orphan): string {
  const whose = [spoke, remote].filter((word) => word !== undefined).join(', ');
  return hasFile
    ? `${name} (${whose}) is on the hub and not in the inventory: left as it is; deploy --prune removes it from both ends`
    : `${name} (${whose}) runs on the hub without a file and is not in the inventory: ip link del dev ${name} removes it`;
}
