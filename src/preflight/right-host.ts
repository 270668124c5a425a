/** Is it the host that the inventory means? */
import type { HostFacts } from '../host/host-facts.js';
import { addressOf, ownerOf } from '../render/check-stanza.js';
import { isInPrefix } from '../plan/is-in-prefix.js';
import type { TunnelPlan } from '../plan/plan.js';
import { entryName, hostName, refuse, underlays, wayName, type Refusal, type Rule, type Scene } from './scene.js';

/**
 * What tells a host from all others: the boot of its kernel, which containers share, and its devices with their addresses, which they do not.
 * undefined when too little is known.
 */
function identityOf({ bootId, devices }: HostFacts): string | undefined {
  const places = [...devices.values()]
    .filter(({ ipv4 }) => ipv4.length > 0)
    .map(({ mac, ipv4 }) => `${mac} ${ipv4.map(({ address }) => address).join(' ')}`);
  return bootId === '' || places.length === 0 ? undefined : [bootId, ...places.toSorted()].join('\n');
}

export const isNotTheOtherEnd: Rule = (scene) => {
  const { end, tunnel, facts, otherFacts } = scene;
  const identity = identityOf(facts);
  const isOther = otherFacts === undefined || identity !== identityOf(otherFacts);
  return end === 'hub' || identity === undefined || isOther
    ? undefined
    : refuse(
        'ssh',
        `SSH to ${tunnel.spoke} (${tunnel.ssh.host}) leads to the hub`,
        `Correct ${wayName(scene)} or its underlay.address: a spoke is another host than the hub.`,
      );
};

/** Two spokes of a run that lead to one host. The first that is fit has it. @param spokes by host, as in FleetAccess */
export function refuseTwin(
  spokes: Map<string, string>,
  { spoke, ssh }: Pick<TunnelPlan, 'spoke' | 'ssh'>,
  facts: HostFacts,
): Refusal | undefined {
  const identity = identityOf(facts);
  if (identity === undefined) return undefined;
  const first = spokes.get(identity) ?? spoke;
  spokes.set(identity, first);
  return first === spoke
    ? undefined
    : refuse(
        'ssh',
        `SSH to ${spoke} (${ssh.host}) leads to the same host as SSH to ${first}`,
        `Correct ssh.host or underlay.address of one of them: a spoke is a host of its own.`,
      );
}

/** Its files say whose they are: a host that has another spoke's tunnel is that spoke's. */
export const isNotAnotherSpoke: Rule = (scene) => {
  const { end, tunnel, adopt } = scene;
  if (end === 'hub' || adopt) return undefined;
  const other = findOtherSpoke(scene);
  return other === undefined
    ? undefined
    : refuse(
        'file',
        `SSH to ${tunnel.spoke} (${tunnel.ssh.host}) leads to ${other.spoke}: /etc/network/interfaces.d/${other.interface} there is ${other.spoke}'s`,
        `Are the addresses of ${tunnel.spoke} and ${other.spoke} exchanged in the inventory? If the sites really are to change places: deploy --adopt.`,
      );
};

/** The tunnel of the inventory that this host has beside this one's. */
export const findOtherSpoke = ({ tunnel, fleet, facts }: Scene): TunnelPlan | undefined =>
  fleet.tunnels.find(({ interface: name, spoke }) => {
    const text = name === tunnel.interface ? undefined : facts.files.get(name);
    return text !== undefined && ownerOf(text)?.spoke === spoke && isInPrefix(addressOf(text) ?? '', fleet.prefix);
  });

/** A packet that claims an address which the host does not have is never sent. */
export const hasUnderlayAddress: Rule = (scene) => {
  const { address, local, device } = underlays(scene).near;
  const { devices } = scene.facts;
  const isThere = [...devices.values()].some(({ ipv4 }) => ipv4.some((one) => one.address === local));
  if (isThere) return undefined;
  const entry = `${entryName(scene)}.underlay`;
  const found = devices.get(device)?.ipv4.map((one) => `${one.address}/${one.length}`) ?? [];
  const what = found.length === 0 ? 'no IPv4 address' : found.join(', ');
  return refuse(
    'underlay',
    `${local} is not an address of ${hostName(scene)}: ${device} has ${what}`,
    local === address
      ? `Is it the right host (ssh.host), and the right address? Correct ${entry}.address. Behind 1:1 NAT that is the public one: set ${entry}.local to the host's own.`
      : `Correct ${entry}.local, the address that the host itself has behind 1:1 NAT.`,
  );
};

/** VXLAN sends by its device, whatever the routes say; one that is made without it (hotplug) goes the way of all packets. */
export const hasUnderlayRoute: Rule = (scene) => {
  const { near, far } = underlays(scene);
  const wayBy = (device: string | undefined): HostFacts['ways'][number] | undefined =>
    scene.facts.ways.find((way) => way.remote === far.address && way.local === near.local && way.device === device);
  const free = wayBy(undefined);
  const used = near.hotplug ? free : wayBy(near.device);
  if (used === undefined || used.by === near.device) return undefined;
  const shown = `\`ip route get ${far.address} from ${near.local}\` shows it`;
  const { master } = scene.facts.devices.get(near.device) ?? {};
  if (free?.by === undefined) {
    return refuse(
      'underlay',
      `${hostName(scene)} has no route to ${far.address} from ${near.local}`,
      `Correct the addresses in the inventory, or give the host a route; ${shown}.`,
    );
  }
  const part = master === undefined ? '' : ` (${near.device} is part of ${master})`;
  return refuse(
    'underlay',
    `the way from ${hostName(scene)} to ${far.address} is by ${free.by}, not by ${near.device}${part}`,
    `Set ${entryName(scene)}.underlay.device: ${free.by}; ${shown}.`,
  );
};
