/** The address plan: what every tunnel is, on both ends. Made from the whole inventory always; selection comes after. */
import type { Mode, PortRange, SshTarget, Underlay } from '../inventory/inventory.js';

/** The two ends of a tunnel. */
export type End = 'hub' | 'spoke';
export const ENDS: readonly End[] = ['hub', 'spoke'];

/** Everything the templates and the verification need to know of one tunnel. Addresses are RFC 5952 text without a length. */
export interface TunnelPlan {
  readonly spoke: string;
  readonly id: number;
  /** `vxlanNN`: the id in at least two hex digits, the same on both ends. */
  readonly interface: string;
  readonly mode: Mode;
  readonly vni: number;
  readonly dstport: number;
  readonly srcport: PortRange;
  /** Bytes; undefined = the underlay device's MTU minus 50. */
  readonly mtu: number | undefined;
  readonly metric: number;
  readonly tags: readonly string[];
  /** The fleet's prefix, e.g. `2001:db8:ae00::/40`. */
  readonly prefix: string;
  /** `…/80`, `…/64`, `…/48` of this spoke. */
  readonly prefix80: string;
  readonly prefix64: string;
  readonly prefix48: string;
  /** The hub's address in the /80 (`::1`). */
  readonly hubAddress: string;
  /** The spoke's addresses: `::2` of the /80, `::1` of the /64 and of the /48. */
  readonly spokeAddress80: string;
  readonly spokeAddress64: string;
  readonly spokeAddress48: string;
  readonly hubUnderlay: Underlay;
  readonly spokeUnderlay: Underlay;
  /** Fixed MAC of each end, `02:76:78:…` (field-notes 2.2). */
  readonly hubMac: string;
  readonly spokeMac: string;
  /** Routing table of policy mode, 30000 + id. */
  readonly table: number;
  /** First of the two rule priorities of policy mode; the second is this + 1. */
  readonly priority: number;
  /** Metric of this tunnel's own copy of the hub's unreachable aggregate, 2^31-1 - id: see docs/templates.md. */
  readonly aggregateMetric: number;
  /** Whether each end has a packet filter. */
  readonly filter: boolean;
  /** Whether the hub keeps the site from the others. */
  readonly isolate: boolean;
  readonly ssh: SshTarget;
}

/** What hosts keep of a tunnel: nothing of the way to its spoke, which only the inventory and the operator say. */
export type KeptPlan = Omit<TunnelPlan, 'ssh'>;

export interface FleetPlan {
  readonly prefix: string;
  readonly filter: boolean;
  readonly hub: { readonly underlay: Underlay; readonly ssh: SshTarget; readonly anchor: string | undefined };
  /** In the order of the ids. */
  readonly tunnels: readonly TunnelPlan[];
}
