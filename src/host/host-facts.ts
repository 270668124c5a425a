/** What `inspect` found on a host, as values. */
import type { Reply } from './frames.js';
import {
  parseLinks,
  parseNetwork,
  type KernelLink,
  type KernelNetwork,
  type NetworkQuery,
} from '../verify/kernel-state.js';

/** Another definition of a tunnel's interface. */
export interface StanzaPlace {
  readonly file: string;
  readonly line: number;
  readonly interface: string;
}

/** A trial that was open when the host was inspected. */
export interface OpenTrial {
  /** As in docs/protocol.md. */
  readonly state: string;
  readonly run: string;
  /** Seconds until the host ends it alone; negative when that is under way. */
  readonly secondsLeft: number;
  /**
   * Who is there to end it: the run's own program (`session`), its guard alone because the program is gone (`guard`), or `nobody`,
   * because both were killed.
   */
  readonly holder: 'session' | 'guard' | 'nobody';
  /** `user@controller`. */
  readonly operator: string;
  /** The address the operator's connection came from. */
  readonly from: string;
  /** When the run began, ISO 8601 in UTC. */
  readonly since: string;
  readonly command: string;
}

export interface HostFacts {
  readonly uid: number;
  /** First line of `ifup --version`, `ifupdown2` for that one; undefined when ifup or ifdown is missing. */
  readonly ifupdown: string | undefined;
  /** Programs we need that are not on the host's PATH; `/sys` when that is not mounted. */
  readonly missingPrograms: readonly string[];
  /** What ip said in place of an answer, and its version; undefined when it can be asked. */
  readonly ipFault: string | undefined;
  /** May root change the network? (CAP_NET_ADMIN) */
  readonly canChangeNetwork: boolean;
  /** Does /etc/network/interfaces read /etc/network/interfaces.d? */
  readonly sourcesInterfacesD: boolean;
  readonly canWriteEtc: boolean;
  readonly canWriteRun: boolean;
  readonly canWriteVar: boolean;
  /** Processors. */
  readonly cpus: number;
  /** MTU of the underlay device in bytes; undefined when there is no such device. */
  readonly deviceMtu: number | undefined;
  /** net.ipv6.conf.all.forwarding. */
  readonly forwards: boolean;
  /** The underlay device is made by a stanza that comes after the one that reads interfaces.d: at boot it would come too late. */
  readonly isDeviceLate: boolean;
  /** The host's own address of our SSH connection, and the device by which it answers us. */
  readonly sshServerAddress: string | undefined;
  readonly sshDevice: string | undefined;
  readonly stanzas: readonly StanzaPlace[];
  /** Contents of /etc/network/interfaces.d/vxlan* by file name. */
  readonly files: ReadonlyMap<string, string>;
  /** Those of the files that have a zero byte, which no text has: what we know of them is what stands before it. */
  readonly binaryFiles: readonly string[];
  /** Files that are there, and that even root cannot open: a tunnel's, or /etc/network/interfaces. */
  readonly unreadableFiles: readonly string[];
  /** Interfaces that ifupdown believes to be up. Not evidence (field-notes 1.4). */
  readonly configured: readonly string[];
  /** Open trials, by interface. */
  readonly trials: ReadonlyMap<string, OpenTrial>;
  readonly links: ReadonlyMap<string, KernelLink>;
  readonly network: KernelNetwork;
}

/** The ifupdown that the host has, if it is one that we work with. */
export function ifupdownOf({ ifupdown }: Pick<HostFacts, 'ifupdown'>): 'ifupdown' | 'ifupdown2' | undefined {
  if (ifupdown === 'ifupdown2') return 'ifupdown2';
  return ifupdown?.startsWith('ifup version 0.') === true ? 'ifupdown' : undefined;
}

/** @param queries the ones sent with the inspect command. Throws protocol when `ip` answered no JSON. */
export function parseFacts(reply: Reply, queries: readonly NetworkQuery[]): HostFacts {
  const { values } = reply;
  const value = (key: string): string => values.get(key) ?? '';
  const files = byPrefix(values, 'file:');
  const deviceMtu = Number.parseInt(value('device_mtu'), 10);
  return {
    uid: Number(value('uid')),
    ifupdown: values.get('ifupdown'),
    missingPrograms: words(value('missing')),
    ipFault: values.get('ip_fault'),
    canChangeNetwork: hasCapability(values.get('capabilities'), CAP_NET_ADMIN),
    sourcesInterfacesD: values.has('sources'),
    canWriteEtc: values.has('writable_etc'),
    canWriteRun: values.has('writable_run'),
    canWriteVar: values.has('writable_var'),
    cpus: countCpus(value('cpus')),
    deviceMtu: Number.isNaN(deviceMtu) ? undefined : deviceMtu,
    forwards: value('forwarding') === '1',
    isDeviceLate: values.has('late_device'),
    sshServerAddress: words(value('ssh'))[2],
    sshDevice: /^\[\{.*"dst":.*"dev":"([^"]+)"/m.exec(value('links'))?.[1],
    stanzas: [...parseStanzas(value('stanzas')), ...[...files].flatMap(([name, text]) => stanzasOf(name, text))],
    files,
    binaryFiles: words(value('binary')),
    unreadableFiles: words(value('unreadable')),
    configured: lines(value('ifstate')).map((line) => line.split('=')[0] ?? ''),
    trials: new Map([...byPrefix(values, 'trial:')].map(([name, text]) => [name, parseTrial(text)])),
    links: new Map(parseLinks(value('links')).map((link) => [link.name, link])),
    network: parseNetwork(value('network'), queries),
  };
}

function parseStanzas(text: string): StanzaPlace[] {
  return lines(text).flatMap((line) => {
    const match = /^(.+?):(\d+):\s*iface\s+(\S+)/.exec(line);
    return match === null ? [] : [{ file: match[1] ?? '', line: Number(match[2]), interface: match[3] ?? '' }];
  });
}

const stanzasOf = (name: string, text: string): StanzaPlace[] =>
  parseStanzas(
    text
      .split('\n')
      .map((line, index) => `/etc/network/interfaces.d/${name}:${index + 1}:${line}`)
      .join('\n'),
  ).filter((stanza) => stanza.interface.startsWith('vxlan'));

/** @param list such as `0-3,6` (cpu list format, cpuset(7)); whoever does not say has one */
function countCpus(list: string): number {
  const counts = [...list.matchAll(/(\d+)(?:-(\d+))?/g)].map(
    ([, first, last]) => Number(last ?? first) - Number(first) + 1,
  );
  return Math.max(
    1,
    counts.reduce((sum, count) => sum + count, 0),
  );
}

/** Its bit in a capability mask (capabilities(7), linux/capability.h). */
const CAP_NET_ADMIN = 12n;

/** @param mask in hex; a kernel that says none refuses none */
const hasCapability = (mask: string | undefined, bit: bigint): boolean =>
  mask === undefined || ((BigInt(`0x${mask}`) >> bit) & 1n) === 1n;

function parseTrial(text: string): OpenTrial {
  const [state = '', run = '', left = '', holder, operator = '', from = '', since = '', command = ''] =
    text.split('\n');
  return {
    state,
    run,
    secondsLeft: Number(left),
    holder: holder === 'session' || holder === 'guard' ? holder : 'nobody',
    operator,
    from,
    since,
    command,
  };
}

function byPrefix(values: ReadonlyMap<string, string>, prefix: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of values) if (key.startsWith(prefix)) found.set(key.slice(prefix.length), value);
  return found;
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
