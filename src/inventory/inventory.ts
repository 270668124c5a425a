/** The inventory after parsing, defaults and rules: plain values, every spoke complete. Strings are as safe as the schema promises. */

export type Mode = 'gateway' | 'policy';

/** How the controller reaches a host, as far as the inventory says it. What is undefined follows from ssh_config, else from a default. */
export interface SshTarget {
  /** Name or address, or an alias of ssh_config's; defaults to the underlay address. */
  readonly host: string;
  /** TCP port; at last 22. */
  readonly port: number | undefined;
  /** Login name; at last `root`, or the operator's own on a host outside the fleet. */
  readonly user: string | undefined;
  /** A jump host that is no host of the fleet. */
  readonly isOutside?: true | undefined;
  /** Does the inventory name it, as a host or as a jump host? No other is shown a password, neither that of the login nor that for sudo. */
  readonly isOfInventory: boolean;
  /** Private key file, absolute; at last the agent's keys, then the default ones. */
  readonly identityFile: string | undefined;
  /** Jump hosts in the order in which they are passed; empty = none, whatever ssh_config says. */
  readonly proxyJump: readonly SshTarget[] | undefined;
  /** Whether the login becomes root by sudo on the host; not, when undefined. A jump host needs no root. */
  readonly become?: boolean | undefined;
}

/** A host's place in the IPv4 underlay. */
export interface Underlay {
  /** The address that the other end sends to, a dotted quad. */
  readonly address: string;
  /** The address that the host itself has: another one behind 1:1 NAT. Default: `address`. */
  readonly local: string;
  /** Kernel interface that carries the VXLAN packets, e.g. `enp1s0f0`. */
  readonly device: string;
  /** Whether the device comes late or comes and goes, as ppp0 or wg0: the tunnel is not bound to it then. Default: false. */
  readonly hotplug: boolean;
}

/** UDP ports, both ends included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export interface Hub {
  readonly underlay: Underlay;
  readonly ssh: SshTarget;
  /** Optional IPv6 address beyond the hub, pinged from each spoke's /64 and /48. RFC 5952 text. */
  readonly anchor: string | undefined;
}

export interface Spoke {
  readonly name: string;
  /** 1 … 2^(48-prefix length)-1. */
  readonly id: number;
  readonly mode: Mode;
  readonly underlay: Underlay;
  readonly ssh: SshTarget;
  /** VXLAN network identifier, 1 … 2^24-1; default the id. */
  readonly vni: number;
  /** UDP port, 1 … 65535; default 4789. */
  readonly dstport: number;
  /** UDP ports that the tunnel's packets are sent from, one by the flow; default 49152 to 49167. */
  readonly srcport: PortRange;
  /** Tunnel MTU in bytes, 1280 … 65535; undefined = the underlay device's MTU minus 50. */
  readonly mtu: number | undefined;
  /** Metric of the default route in gateway mode; default 512. */
  readonly metric: number;
  readonly tags: readonly string[];
  /** Whether the hub keeps it from the other sites: only what is beyond the hub is reached. Default: false. */
  readonly isolate: boolean;
}

export interface Inventory {
  /** Absolute path of the file it was read from; `-` in the working directory when it came from a pipe. */
  readonly path: string;
  /** RFC 5952 text of the prefix, e.g. `2001:db8:ae00::/40`. */
  readonly prefix: string;
  /** Absolute path of the directory that overrides templates, or undefined. */
  readonly templates: string | undefined;
  /** Whether each end has a packet filter (docs/filter.md); default: true. */
  readonly filter: boolean;
  readonly hub: Hub;
  /** What `defaults.ssh` says of every spoke. */
  readonly spokeSsh: Omit<SshTarget, 'host'>;
  /** In the order of the file. */
  readonly spokes: readonly Spoke[];
}

/** Fields with a default, in one place: the schema, the docs and the normalisation read them from here. */
export const DEFAULTS = {
  sshPort: 22,
  sshUser: 'root',
  mode: 'gateway',
  dstport: 4789,
  /** So few that connection tables stay small, and enough for a network card to spread the flows. From the dynamic ports (RFC 6335). */
  srcport: { low: 49_152, high: 49_167 },
  metric: 512,
  filter: true,
  isolate: false,
} as const;
