/** Everything that the kernel of a host, and its disk, know of its network, as text: what a change and its way back must leave as it was. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Outcome } from './harness.js';

/** Sorted lines, so that the diff of a failed expectation names what is missing or new. */
export type KernelState = readonly string[];

/** As much of a lab as is needed here. */
interface Hosts {
  exec(host: string, argv: readonly string[]): Promise<Outcome>;
}

type Json = Record<string, unknown>;

/**
 * What each question prints. They are asked before and after nearly every run of the lab's tests, so that each process counts: ip answers a line
 * of JSON for each of its own.
 */
const ANSWERS = {
  any: ['links', 'neighbour', 'proxy'],
  inet6: ['route6', 'rule6'],
  inet: ['route4', 'rule4'],
} as const;
type Answer = (typeof ANSWERS)[keyof typeof ANSWERS][number];

const ROUTES = "printf 'route show table all\\nrule show\\n'";
const QUESTIONS = {
  any: "printf 'addr show\\nneigh show nud permanent\\nneigh show proxy\\n' | ip -j -d -force -batch -",
  inet6: `${ROUTES} | ip -j -6 -force -batch -`,
  inet: `${ROUTES} | ip -j -4 -force -batch -`,
  // 1: drawn by lot. 0 and 3: the device's own, or given by somebody.
  assigned: 'for f in /sys/class/net/*/addr_assign_type; do read -r type <"$f"; echo "$f:$type"; done',
  // Some cannot be read (route/flush), and one has no value before somebody gives it one (stable_secret).
  sysctl: "grep -rs '' /proc/sys/net/ipv6",
  files: "cd /etc/network/interfaces.d && find . -type f -printf '%P %m %U %G %s\\n'",
  // In the same order, one after the other.
  bytes: 'cd /etc/network/interfaces.d && find . -type f -exec cat {} + | base64 -w0',
  run: "find /run/vxfleet -mindepth 1 -printf '%P\\n'",
} as const;
type Question = keyof typeof QUESTIONS;

const SCRIPT = [
  ...Object.entries(QUESTIONS).map(([key, command]) => `echo "=== ${key}"; (${command}) 2>/dev/null`),
  'true',
].join('\n');

/**
 * Left out because a bounce, a reboot or the time alone changes them: indexes of links and of namespaces, what is counted or runs off
 * (lifetimes, timers, the age of a neighbour, when a route expires), whether DAD goes on, and a bridge's identity, which is its MAC.
 * A link's addresses are lines of their own.
 */
const PASSING =
  /^(?:ifindex|link_index|iflink|link_netnsid|addr_info|stats.*|.*_life_time|.*_timer|tentative|expires|age|cacheinfo|used|root_id|bridge_id|designated_.*|operstate)$/;

/** Flags of links and routes: whether a cable is in is no matter of the host's. */
const CARRIER = new Set(['LOWER_UP', 'NO-CARRIER', 'linkdown']);

/**
 * What goes on by itself is waited for: an address that is being looked for on its link (DAD) has no route yet. Bounded, because one that
 * clashes, or is on a link without a carrier, stays so.
 * @throws when the host does not answer
 */
export async function kernelState(lab: Hosts, host: string): Promise<KernelState> {
  for (let looks = 1; ; looks += 1) {
    const { code, stdout, stderr } = await lab.exec(host, ['sh', '-c', SCRIPT]);
    expect({ host, code, stderr }).toEqual({ host, code: 0, stderr: '' });
    if (!stdout.includes('"tentative":true') || looks > MOST_LOOKS) return parseKernelState(stdout);
    await sleep(100);
  }
}

const MOST_LOOKS = 30;

/** The states of several hosts, by name. */
async function kernelStates(lab: Hosts, hosts: readonly string[]): Promise<Record<string, KernelState>> {
  const states = await Promise.all(hosts.map((host) => kernelState(lab, host)));
  return Object.fromEntries(hosts.map((host, index) => [host, states[index] ?? []]));
}

/** Runs a change and its way back; after them the hosts must be what they were. */
export async function expectSameKernel<T>(
  lab: Hosts,
  hosts: readonly string[],
  thereAndBack: () => Promise<T>,
): Promise<T> {
  const before = await kernelStates(lab, hosts);
  const result = await thereAndBack();
  expect(await kernelStates(lab, hosts)).toEqual(before);
  return result;
}

/** @param answers what SCRIPT prints */
function parseKernelState(answers: string): KernelState {
  const parts = new Map(
    answers
      .split(/^=== /m)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
  const lines = (question: Question): string[] => (parts.get(question) ?? '').split('\n').filter((line) => line !== '');
  const documents = new Map<Answer, Json[]>();
  for (const [question, answers] of Object.entries(ANSWERS)) {
    const texts = lines(question as keyof typeof ANSWERS);
    expect({ question, texts }).toEqual({ question, texts: answers.map(() => expect.stringMatching(/^\[/) as string) });
    for (const [index, answer] of answers.entries()) {
      // Old releases of ip print `[{}, …]` for what they have left out.
      const found = (JSON.parse(texts[index] ?? '[]') as Json[]).filter((entry) => Object.keys(entry).length > 0);
      documents.set(answer, found);
    }
  }
  const objects = (answer: Answer): Json[] => documents.get(answer) ?? [];
  const drawn = new Set(
    lines('assigned').map((line) => /^\/sys\/class\/net\/([^/]+)\/addr_assign_type:1$/.exec(line)?.[1]),
  );
  const links = objects('links');
  const markers = new Set(
    links
      .flatMap(addressesOf)
      .filter(isMarker)
      .map(({ local }) => String(local)),
  );
  const ownLinkLocals = new Map(
    links
      .filter(({ ifname }) => drawn.has(String(ifname)))
      .map((link) => [linkLocalOf(String(link['address'])), `fe80::(of the MAC of ${String(link['ifname'])})`]),
  );
  const named = (line: string): string =>
    line.replace(/\bfe80::[0-9a-f:]+/g, (address) => ownLinkLocals.get(address) ?? address);
  return [
    ...links.flatMap((link) => [
      describeLink(link, drawn.has(String(link['ifname']))),
      ...addressesOf(link)
        .filter((entry) => !isMarker(entry))
        .map((entry) => `address ${String(link['ifname'])} ${describe(entry)}`),
    ]),
    ...objects('route6')
      .filter(({ dst }) => !markers.has(String(dst)))
      .map((route) => `route inet6 ${describe(route)}`),
    ...objects('route4').map((route) => `route inet ${describe(route)}`),
    ...objects('rule6').map((rule) => `rule inet6 ${describe(rule)}`),
    ...objects('rule4').map((rule) => `rule inet ${describe(rule)}`),
    ...objects('neighbour').map((entry) => `neighbour ${describe(entry)}`),
    ...objects('proxy').map((entry) => `neighbour proxy ${describe(entry)}`),
    ...lines('sysctl').map((line) => `sysctl ${line.replace('/proc/sys/', '').replace(':', ' = ')}`),
    ...describeFiles(lines('files'), Buffer.from(parts.get('bytes') ?? '', 'base64')),
    // The lock and the guard's file are gone a second after their session, of themselves.
    ...lines('run')
      .filter((name) => !/\.(?:lock|guard)$/.test(name))
      .map((name) => `run ${name}`),
  ]
    .map(named)
    .toSorted();
}

const addressesOf = (link: Json): Json[] => (link['addr_info'] ?? []) as Json[];

/** What an end says "confirmed" with (docs/protocol.md): a link-local address that nobody may use, and that runs off by itself. */
const isMarker = ({ scope, deprecated, dynamic }: Json): boolean =>
  scope === 'link' && deprecated === true && dynamic === true;

function describeLink(link: Json, isDrawn: boolean): string {
  return `link ${String(link['ifname'])} ${describe(isDrawn ? { ...link, address: '(drawn by lot)' } : link)}`;
}

/** `key value`, sorted by key; what a member consists of is told in brackets. */
function describe(value: Json): string {
  return Object.entries(value)
    .filter(([key]) => !PASSING.test(key))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, member]) => `${key} ${describeMember(member)}`)
    .join(', ');
}

function describeMember(member: unknown): string {
  // The order of flags and of the next hops of one route means nothing.
  if (Array.isArray(member)) {
    const members = member.map(describeMember).filter((text) => !CARRIER.has(text));
    return `[${members.toSorted().join('; ')}]`;
  }
  return typeof member === 'object' && member !== null ? `{${describe(member as Json)}}` : String(member);
}

/** A line a line, numbered, so that they stay in their order. */
function describeFiles(files: readonly string[], bytes: Buffer): string[] {
  let start = 0;
  return files.flatMap((file) => {
    const [name = '', mode, user, group, size] = file.split(' ');
    const end = start + Number(size);
    // Latin-1 shows every byte as itself.
    const rows = bytes.toString('latin1', start, end).split('\n');
    start = end;
    const head = `file ${name} 000: mode ${mode} owner ${user}:${group}`;
    return [head, ...rows.map((row, index) => `file ${name} ${String(index + 1).padStart(3, '0')}: ${row}`)];
  });
}

/** RFC 4291, appendix A: the seventh bit turned, ff:fe in the middle. */
function linkLocalOf(mac: string): string {
  const [first = 0, ...rest] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const words = [0, 2, 4, 6].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  return `fe80::${words.join(':')}`;
}
