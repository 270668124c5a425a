import { Address6 } from 'ip-address';
import type { Inventory, Spoke } from '../inventory/inventory.js';
import { addressText } from './address-text.js';
import type { FleetPlan, KeptPlan, TunnelPlan } from './plan.js';
import { rulePriority } from './rule-priority.js';

/** Bits below the boundary at which a spoke's id is added to the fleet's prefix. */
const SHIFT = { 48: 80n, 64: 64n, 80: 48n } as const;

/** First routing table of policy mode; table ids are 32 bits wide, so every id has room for one of its own. */
export const FIRST_TABLE = 30_000;

/** Highest metric that every version of iproute2 shows as a positive number: a guard that loses against any route someone means to use. */
export const GUARD_METRIC = 2_147_483_647;

/**
 * The plan of the whole fleet. Each spoke's part follows from the fleet's prefix, the hub and the spoke itself, never from
 * the other spokes, so adding, removing or reordering them moves nobody.
 *
 * The first /48 of the prefix is reserved: it holds the /64s (id in the fourth group) and, inside its first /64, the tunnels'
 * /80s (id in the fifth group). The /48s follow it.
 */
export function makePlan(inventory: Inventory): FleetPlan {
  const tunnels = inventory.spokes
    .map((spoke): TunnelPlan => ({ ...planTunnel(inventory, spoke), ssh: spoke.ssh }))
    .sort((left, right) => left.id - right.id);
  const { underlay, ssh, anchor } = inventory.hub;
  return { prefix: inventory.prefix, filter: inventory.filter, hub: { underlay, ssh, anchor }, tunnels };
}

/** `vxlanNN`: the id in lower-case hex, at least two digits. */
const interfaceName = (id: number): string => `vxlan${hex(id, 2)}`;

/** The part of one spoke, whether or not the inventory has it. */
export function planTunnel(
  { prefix, filter, hub }: Pick<Inventory, 'prefix' | 'filter' | 'hub'>,
  spoke: Omit<Spoke, 'ssh'>,
): KeptPlan {
  const base = new Address6(prefix).bigInt();
  const id = BigInt(spoke.id);
  const base48 = base + (id << SHIFT[48]);
  const base64 = base + (id << SHIFT[64]);
  const base80 = base + (id << SHIFT[80]);
  return {
    spoke: spoke.name,
    id: spoke.id,
    interface: interfaceName(spoke.id),
    mode: spoke.mode,
    vni: spoke.vni,
    dstport: spoke.dstport,
    srcport: spoke.srcport,
    mtu: spoke.mtu,
    metric: spoke.metric,
    tags: spoke.tags,
    prefix,
    prefix80: `${addressText(base80)}/80`,
    prefix64: `${addressText(base64)}/64`,
    prefix48: `${addressText(base48)}/48`,
    hubAddress: addressText(base80 + 1n),
    spokeAddress80: addressText(base80 + 2n),
    spokeAddress64: addressText(base64 + 1n),
    spokeAddress48: addressText(base48 + 1n),
    hubUnderlay: hub.underlay,
    spokeUnderlay: spoke.underlay,
    hubMac: macAddress(spoke.id, 1),
    spokeMac: macAddress(spoke.id, 2),
    table: FIRST_TABLE + spoke.id,
    priority: rulePriority(spoke.id),
    aggregateMetric: GUARD_METRIC - spoke.id,
    filter,
    isolate: spoke.isolate,
  };
}

/** How the MAC of every link of ours begins (field-notes 2.2). */
export const MAC_PREFIX = '02:76:78:';

/**
 * A fixed, locally administered MAC (`02:`, then "vx" in ASCII, the id and the end). A random one would change with every bounce
 * and leave the peer talking to the old one for half a minute; one made by udev is the same on both ends of cloned machines.
 */
function macAddress(id: number, end: 1 | 2): string {
  const digits = hex(id, 4);
  return `${MAC_PREFIX}${digits.slice(0, 2)}:${digits.slice(2)}:0${end}`;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
