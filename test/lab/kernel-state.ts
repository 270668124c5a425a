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

/**
 * Perl, which every host has, in one process beside those of ip. Sections of lines; a file is its name, mode, owner, group, and its bytes in hex.
 * Of the sysctls some cannot be read (route/flush), and one has no value before somebody gives it one (stable_secret). How a link's address was
 * assigned: 1 is drawn by lot, 0 and 3 are the device's own, or given by somebody.
 */
const SCRIPT = String.raw`
  use strict;
  $| = 1;
  open STDERR, '>', '/dev/null';
  sub section { print "=== $_[0]\n" }
  sub ask {
    my ($section, $family, @questions) = @_;
    section($section);
    open my $ip, '|-', 'ip', '-j', @$family, '-force', '-batch', '-';
    print {$ip} map { "$_\n" } @questions;
    close $ip;
  }
  sub text { open my $file, '<', $_[0] or return ''; local $/; my $text = readline $file; defined $text ? $text : '' }
  sub below {
    opendir my $directory, $_[0] or return;
    my @paths = map { "$_[0]/$_" } grep { !/^\.\.?$/ } readdir $directory;
    return map { -d && !-l ? ($_, below($_)) : $_ } @paths;
  }
  my @routes = ('route show table all', 'rule show');
  ask('any', ['-d'], 'addr show', 'neigh show nud permanent', 'neigh show proxy');
  ask('inet6', ['-6'], @routes);
  ask('inet', ['-4'], @routes);
  section('assigned');
  print map { "$_:" . text($_) } glob '/sys/class/net/*/addr_assign_type';
  section('filter');
  print qx(nft -s list ruleset);
  section('sysctl');
  for my $path (grep { -f } below('/proc/sys/net/ipv6')) { print map { "$path:$_\n" } split /\n/, text($path) }
  section('files');
  chdir '/etc/network/interfaces.d';
  for my $path (grep { -f && !-l } below('.')) {
    my ($mode, $user, $group) = (stat $path)[2, 4, 5];
    printf "%s %o %d %d %s\n", substr($path, 2), $mode & 07777, $user, $group, unpack 'H*', text($path);
  }
  section('run');
  print map { "$_\n" } grep { s{^/run/vxfleet/}{} } below('/run/vxfleet');
`;
type Section = keyof typeof ANSWERS | 'assigned' | 'filter' | 'sysctl' | 'files' | 'run';

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
    const { code, stdout, stderr } = await lab.exec(host, ['perl', '-e', SCRIPT]);
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
  const lines = (section: Section): string[] => (parts.get(section) ?? '').split('\n').filter((line) => line !== '');
  const documents = new Map<Answer, Json[]>();
  for (const [section, answers] of Object.entries(ANSWERS)) {
    const texts = lines(section as keyof typeof ANSWERS);
    expect({ section, texts }).toEqual({ section, texts: answers.map(() => expect.stringMatching(/^\[/) as string) });
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
    ...describeFilter(lines('filter')),
    ...lines('sysctl').map((line) => `sysctl ${line.replace('/proc/sys/', '').replace(':', ' = ')}`),
    ...lines('files').flatMap(describeFile),
    // The lock and the guard's file are gone a second after their session, of themselves.
    ...lines('run')
      .filter((name) => !/\.(?:lock|guard)$/.test(name))
      .map((name) => `run ${name}`),
  ]
    .map(named)
    .toSorted();
}

/** What nft prints, without what is counted; chains are in the order in which they were made, and elements in none. */
function describeFilter(lines: readonly string[]): string[] {
  let place: string[] = [];
  const counts = new Map<string, number>();
  const found: string[] = [];
  for (const line of lines
    .join('\n')
    .replace(/,\n\s+/g, ', ')
    .split('\n')) {
    const text = line.trim().replace(/ ?packets \d+ bytes \d+/, '');
    if (text.endsWith('}') && !text.includes('{')) place = place.slice(0, -1);
    else if (text.endsWith('{')) place = [...place, text.slice(0, -2)];
    else if (text.startsWith('elements = ')) {
      found.push(
        ...text
          .slice('elements = { '.length, -' }'.length)
          .split(', ')
          .map((element) => `nft ${place.join(' ')} has ${element}`),
      );
    } else if (text !== '') {
      const name = `nft ${place.join(' ')}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      found.push(`${name} ${counts.get(name)}: ${text}`);
    }
  }
  return found;
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

/** A line per line, numbered, so that they stay in their order. */
function describeFile(file: string): string[] {
  const [name = '', mode, user, group, bytes = ''] = file.split(' ');
  // Latin-1 shows every byte as itself.
  const rows = Buffer.from(bytes, 'hex').toString('latin1').split('\n');
  const head = `file ${name} 000: mode ${mode} owner ${user}:${group}`;
  return [head, ...rows.map((row, index) => `file ${name} ${String(index + 1).padStart(3, '0')}: ${row}`)];
}

/** RFC 4291, appendix A: the seventh bit turned, ff:fe in the middle. */
function linkLocalOf(mac: string): string {
  const [first = 0, ...rest] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const words = [0, 2, 4, 6].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  return `fe80::${words.join(':')}`;
}
