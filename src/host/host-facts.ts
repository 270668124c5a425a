/** What `inspect` found on a host, as values. */
import { VxfleetError } from '../errors.js';
import type { Reply } from './frames.js';
import { parseDevices, type Device } from './device.js';
import { normalize } from './interfaces/match-pattern.js';
import { readInterfaces, type InterfacesConfig } from './interfaces/read-interfaces.js';
import {
  answersByLine,
  parseUnderlayWays,
  wayDevice,
  type UnderlayWay,
  type WayQuestion,
} from '../verify/underlay-ways.js';
import {
  parseLinks,
  parseNetwork,
  type KernelLink,
  type KernelNetwork,
  type NetworkQuery,
} from '../verify/kernel-state.js';

/** Where ifupdown's files are kept, and the tunnels' among them. */
export const INTERFACES_D = '/etc/network/interfaces.d';

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
  /** May root open raw sockets? (CAP_NET_RAW) */
  readonly canOpenRawSockets: boolean;
  /** What ifupdown makes of /etc/network/interfaces and of all that it reads from there. */
  readonly interfaces: InterfacesConfig;
  /** Where the host stopped sending what ifupdown reads, because it is too much. */
  readonly unsentFile: string | undefined;
  readonly canWriteEtc: boolean;
  readonly canWriteRun: boolean;
  readonly canWriteVar: boolean;
  /** Processors. */
  readonly cpus: number;
  /** Links of every kind, by name. */
  readonly devices: ReadonlyMap<string, Device>;
  /** Names of those that a driver has made: they are there before anything is configured. */
  readonly hardware: ReadonlySet<string>;
  /** Which way IPv4 packets to the other ends take, as far as it was asked for. */
  readonly ways: readonly UnderlayWay[];
  /** UDP ports that somebody is bound to: a process, or the kernel itself for a tunnel of any namespace. */
  readonly udpPorts: ReadonlySet<number>;
  /** sysctls by name; one that the kernel does not have is not there. */
  readonly sysctls: ReadonlyMap<string, string>;
  /** What tells this boot of a kernel from all others. */
  readonly bootId: string;
  /** What the kernel says to a VXLAN that no kernel makes; undefined when it was not asked. */
  readonly vxlanAnswer: string | undefined;
  /** networkd's settings, one after the other, the last of which wins; undefined where it does not run. */
  readonly networkd: string | undefined;
  /** net.ipv6.conf.all.forwarding. */
  readonly forwards: boolean;
  /** Does anything that is read when the host boots speak of it? */
  readonly forwardsAtBoot: boolean;
  /** The host's own address of our SSH connection, and the device by which it answers us. */
  readonly sshServerAddress: string | undefined;
  readonly sshDevice: string | undefined;
  /** Contents of /etc/network/interfaces.d/vxlan* by file name. */
  readonly files: ReadonlyMap<string, string>;
  /** Those of the files that have a zero byte, which no text has: what we know of them is what stands before it. */
  readonly binaryFiles: readonly string[];
  /** Files that are there, and that even root cannot open: a tunnel's, or /etc/network/interfaces. */
  readonly unreadableFiles: readonly string[];
  /** Paths of a tunnel's file or of its generations that nothing can be renamed onto, or into. */
  readonly fixedFiles: readonly string[];
  /** Interfaces whose file is not what our newest generation of it left, and the id of the change that left it. */
  readonly edited: ReadonlyMap<string, string>;
  /** Interfaces that ifupdown believes to be up. Not evidence (field-notes 1.4). */
  readonly configured: readonly string[];
  /** Did a run that was killed leave something in /run/vxfleet? */
  readonly hasDeadRuns: boolean;
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

/** The questions that go with an inspection, as data: `payload` asks them, `parseFacts` reads the answers. */
export interface Inspection {
  readonly ways: readonly WayQuestion[];
  readonly network: readonly NetworkQuery[];
}

export const inspectionPayload = ({ ways, network }: Inspection): string =>
  `${ways.map(({ line }) => `${line}\n`).join('')}\n\n${network.map(({ line }) => `${line}\n`).join('')}`;

/** Throws protocol when `ip` answered no JSON. */
export function parseFacts(reply: Reply, inspection: Inspection): HostFacts {
  const { values } = reply;
  const value = (key: string): string => values.get(key) ?? '';
  const ifupdown = values.get('ifupdown');
  const files = byPrefix(values, 'file:');
  // An ip that is another one says why, in place of documents.
  const links = values.has('ip_fault') ? '' : value('links');
  const answers = answersByLine(links);
  const [large] = [...files].find(([, text]) => text.length > LONGEST_FILE) ?? [];
  if (large !== undefined) {
    throw new VxfleetError('protocol', `${INTERFACES_D}/${large} has more than ${LONGEST_FILE} characters`);
  }
  const interfaces = readInterfaces(interfacesFiles(values, files), { knowsSourceDirectory: ifupdown !== 'ifupdown2' });
  const sysctls = new Map([...byPrefix(values, 'sysctl:')].filter(([, text]) => text !== ''));
  return {
    uid: Number(value('uid')),
    ifupdown,
    missingPrograms: words(value('missing')),
    ipFault: values.get('ip_fault'),
    canChangeNetwork: hasCapability(values.get('capabilities'), CAP_NET_ADMIN),
    canOpenRawSockets: hasCapability(values.get('capabilities'), CAP_NET_RAW),
    interfaces,
    unsentFile: values.get('unsent'),
    canWriteEtc: values.has('writable_etc'),
    canWriteRun: values.has('writable_run'),
    canWriteVar: values.has('writable_var'),
    cpus: countCpus(value('cpus')),
    devices: parseDevices(links),
    hardware: new Set(words(value('hardware'))),
    ways: parseUnderlayWays(answers, inspection.ways, LINE_OF_SSH + 1),
    udpPorts: new Set(words(value('sockets')).flatMap(portOf)),
    sysctls,
    bootId: sysctls.get('kernel.random.boot_id') ?? '',
    vxlanAnswer: values.get('vxlan_answer'),
    networkd: values.get('networkd'),
    forwards: sysctls.get('net.ipv6.conf.all.forwarding') === '1',
    forwardsAtBoot:
      values.has('forwarding_files') ||
      interfaces.stanzas.some(({ options }) => options.some(([, value]) => /ipv6.*forwarding/.test(value))),
    sshServerAddress: words(value('ssh'))[2],
    sshDevice: wayDevice(answers.get(LINE_OF_SSH)),
    files,
    binaryFiles: words(value('binary')),
    unreadableFiles: words(value('unreadable')),
    fixedFiles: words(value('fixed')),
    edited: byPrefix(values, 'edited:'),
    configured: lines(value('ifstate')).map((line) => line.split('=')[0] ?? ''),
    hasDeadRuns: values.has('dead_runs'),
    trials: new Map([...byPrefix(values, 'trial:')].map(([name, text]) => [name, parseTrial(text)])),
    links: new Map(parseLinks(links).map((link) => [link.name, link])),
    network: parseNetwork(value('network'), inspection.network),
  };
}

/** A tunnel's file has some thousand characters, and is compared line by line. */
const LONGEST_FILE = 65_536;

/** The host asks two lines by itself (inspect.pl): `addr show`, and the way back to whoever asks. */
const LINE_OF_SSH = 2;

/** By path: what the host sent with its path in the first line, and the tunnels' own files. */
function interfacesFiles(
  values: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const sent = [...byPrefix(values, 'interfaces:').values()].map((text): [string, string] => {
    const end = text.indexOf('\n');
    return [normalize(text.slice(0, end)), text.slice(end + 1)];
  });
  return new Map([...sent, ...[...files].map(([name, text]): [string, string] => [`${INTERFACES_D}/${name}`, text])]);
}

/** @param address of /proc/net/udp or udp6: in hex, with the port; the line above them has words */
function portOf(address: string): number[] {
  const port = /^[0-9A-F]+:([0-9A-F]{4})$/.exec(address)?.[1];
  return port === undefined ? [] : [Number.parseInt(port, 16)];
}

/** As many as Linux can be built for. */
const MOST_CPUS = 8192;

/** @param list such as `0-3,6` (cpu list format, cpuset(7)); whoever does not say has one */
function countCpus(list: string): number {
  const counts = [...list.matchAll(/(?<!\d)(\d{1,4})(?:-(\d{1,4}))?(?!\d)/g)].map(
    ([, first, last]) => Number(last ?? first) - Number(first) + 1,
  );
  return Math.min(
    MOST_CPUS,
    Math.max(
      1,
      counts.reduce((sum, count) => sum + count, 0),
    ),
  );
}

/** Their bits in a capability mask (capabilities(7), linux/capability.h). */
const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

/** @param mask in hex; a kernel that says none refuses none */
const hasCapability = (mask: string | undefined, bit: bigint): boolean =>
  mask === undefined || (/^[0-9a-f]{1,16}$/i.test(mask) && ((BigInt(`0x${mask}`) >> bit) & 1n) === 1n);

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
