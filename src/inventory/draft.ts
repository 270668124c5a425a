import { DEFAULTS, type Mode, type PortRange } from './inventory.js';
import type { JumpHop } from './read-jump-hop.js';
import type { Prefix } from './read-prefix.js';
import type { Reader } from './reading.js';
import { FIELDS, type Field } from './schema.js';
import { child, type Tree } from './tree.js';

/** A value and where it stands in the file; a default's place is the spoke's (or hub's) name. */
export interface Located<T> {
  readonly value: T;
  readonly offset: number;
}

/** A value that was read; undefined when it is absent or the schema has refused it. */
type Maybe<T> = Located<T> | undefined;

export interface HostDraft extends SshDraft {
  readonly address: Maybe<string>;
  /** The address as it was written, also when it is refused. */
  readonly addressText: Maybe<string>;
  readonly local: Maybe<string>;
  readonly device: Maybe<string>;
  readonly hotplug: Maybe<boolean>;
}

export interface SshDraft {
  readonly sshHost: Maybe<string>;
  readonly sshPort: Maybe<number>;
  readonly sshUser: Maybe<string>;
  readonly identityFile: Maybe<string>;
  readonly proxyJump: Maybe<readonly JumpHop[]>;
  readonly become: Maybe<boolean>;
}

export interface SpokeDraft extends HostDraft {
  readonly name: string;
  /** Where the name stands. */
  readonly offset: number;
  /** Demanded fields that stand neither with the spoke nor in `defaults`. */
  readonly missing: readonly string[];
  readonly id: Maybe<number>;
  readonly mode: Maybe<Mode>;
  readonly dstport: Maybe<number>;
  readonly srcport: Maybe<PortRange>;
  readonly mtu: Maybe<number>;
  /** The file's, or else the id; undefined when the one that applies is refused. */
  readonly vni: (Located<number> & { readonly isFromId: boolean }) | undefined;
  readonly metric: Maybe<number>;
  /** Or the tags of the sites that are isolated. */
  readonly isolate: Maybe<boolean | readonly Located<string>[]>;
  readonly tags: readonly string[];
}

/** The inventory with defaults merged and every value placed, also when parts of it are bad: what the rules work on. */
export interface Draft {
  readonly prefix: Maybe<Prefix>;
  readonly templates: Maybe<string>;
  readonly filter: Maybe<boolean>;
  readonly hub: HostDraft & { readonly anchor: Maybe<string> };
  /** What `defaults.ssh` says. */
  readonly spokeSsh: SshDraft;
  /** Where the mapping `spokes` stands; undefined when there is none. */
  readonly spokesOffset: number | undefined;
  readonly spokes: readonly SpokeDraft[];
}

/** Reads what can be read of a tree; what cannot is undefined here and a finding of the schema. */
export function draftInventory(root: Tree): Draft {
  const hub = child(root, 'hub');
  const spokes = child(root, 'spokes');
  const defaults = child(root, 'defaults');
  return {
    prefix: readAt(FIELDS.prefix, child(root, 'prefix')),
    templates: readAt(FIELDS.templates, child(root, 'templates')),
    filter: readAt(FIELDS.filter, child(root, 'filter')),
    hub: {
      ...draftHub(hub, child(root, 'defaults')),
      anchor: readAt(FIELDS.anchor, child(hub, 'anchor')),
    },
    spokeSsh: draftHost((group, key) => child(child(defaults, group), key)),
    spokesOffset: spokes?.kind === 'map' ? spokes.offset : undefined,
    spokes:
      spokes?.kind === 'map'
        ? [...spokes.entries].map(([name, { keyOffset, value }]) => draftSpoke(name, keyOffset, value, defaults))
        : [],
  };
}

/** What `defaults.ssh` says is for the hub too, but for the host, and a way that leads over the hub itself ends before it. */
function draftHub(hub: Tree | undefined, defaults: Tree | undefined): HostDraft {
  const shared = (group: string, key: string): Tree | undefined =>
    group === 'ssh' && key !== 'host' ? child(child(defaults, group), key) : undefined;
  const host = draftHost((group, key) => child(child(hub, group), key) ?? shared(group, key));
  const hasOwnJump = child(child(hub, 'ssh'), 'proxy_jump') !== undefined;
  return hasOwnJump ? host : { ...host, proxyJump: beforeHub(host.proxyJump) };
}

/** The hops up to the hub; undefined, as if nothing were said, when it is the first. */
function beforeHub(jump: Maybe<readonly JumpHop[]>): Maybe<readonly JumpHop[]> {
  const at = jump?.value.indexOf('hub') ?? -1;
  if (jump === undefined || at < 0) return jump;
  return at === 0 ? undefined : { ...jump, value: jump.value.slice(0, at) };
}

function draftSpoke(name: string, offset: number, own: Tree, defaults: Tree | undefined): SpokeDraft {
  const top = (key: string): Tree | undefined => child(own, key) ?? child(defaults, key);
  const nested = (group: string, key: string): Tree | undefined =>
    child(child(own, group), key) ?? child(child(defaults, group), key);
  const id = readAt(FIELDS.id, top('id'));
  const vniNode = nested('vxlan', 'vni');
  const vni = vniNode === undefined ? id : readAt(FIELDS.vni, vniNode);
  const tags = top('tags');
  const missing = [
    ...(top('id') === undefined ? ['id'] : []),
    ...(top('underlay') === undefined
      ? ['underlay']
      : ['address', 'device'].filter((key) => isAbsent(own, defaults, key)).map((key) => `underlay.${key}`)),
  ];
  return {
    ...draftHost(nested),
    name,
    offset,
    // A spoke that is no mapping is one problem, not three.
    missing: own.kind === 'map' ? missing : [],
    id,
    mode: readAt(FIELDS.mode, top('mode')),
    dstport: orDefault(top('vxlan'), nested('vxlan', 'dstport'), FIELDS.dstport, DEFAULTS.dstport, offset),
    srcport: readAt(FIELDS.srcport, nested('vxlan', 'srcport')),
    mtu: readAt(FIELDS.mtu, nested('vxlan', 'mtu')),
    vni: vni && { ...vni, isFromId: vniNode === undefined },
    metric: readAt(FIELDS.metric, top('metric')),
    isolate: readIsolate(top('isolate')),
    tags:
      tags?.kind === 'list' ? [...new Set(tags.items.flatMap((item) => readAt(FIELDS.tag, item)?.value ?? []))] : [],
  };
}

const readIsolate = (node: Tree | undefined): SpokeDraft['isolate'] =>
  node?.kind === 'list'
    ? { offset: node.offset, value: node.items.flatMap((item) => readAt(FIELDS.tag, item) ?? []) }
    : readAt(FIELDS.isolate, node);

/** Whether an underlay key stands neither with the spoke nor in the defaults, and both underlays are mappings where they stand. */
function isAbsent(own: Tree, defaults: Tree | undefined, key: string): boolean {
  const places = [child(own, 'underlay'), child(defaults, 'underlay')];
  return places.every((place) => place === undefined || (place.kind === 'map' && !place.entries.has(key)));
}

function draftHost(at: (group: string, key: string) => Tree | undefined): HostDraft {
  return {
    address: readAt(FIELDS.address, at('underlay', 'address')),
    addressText: readAt({ read: (value) => ({ value }) }, at('underlay', 'address')),
    local: readAt(FIELDS.local, at('underlay', 'local')),
    device: readAt(FIELDS.device, at('underlay', 'device')),
    hotplug: readAt(FIELDS.hotplug, at('underlay', 'hotplug')),
    sshHost: readAt(FIELDS.sshHost, at('ssh', 'host')),
    sshPort: readAt(FIELDS.sshPort, at('ssh', 'port')),
    sshUser: readAt(FIELDS.sshUser, at('ssh', 'user')),
    identityFile: readAt(FIELDS.identityFile, at('ssh', 'identity_file')),
    proxyJump: readJump(at('ssh', 'proxy_jump')),
    become: readAt(FIELDS.become, at('ssh', 'become')),
  };
}

/** One jump host, or a list of them. */
function readJump(node: Tree | undefined): Maybe<readonly JumpHop[]> {
  if (node === undefined || node.kind === 'map') return undefined;
  const items = node.kind === 'list' ? node.items : [node];
  return { value: items.flatMap((item) => readAt(FIELDS.jumpHop, item)?.value ?? []), offset: node.offset };
}

function orDefault<T>(
  group: Tree | undefined,
  node: Tree | undefined,
  field: Field<T>,
  fallback: T,
  offset: number,
): Maybe<T> {
  if (node !== undefined) return readAt(field, node);
  return group === undefined || group.kind === 'map' ? { value: fallback, offset } : undefined;
}

function readAt<T>({ read }: { readonly read: Reader<T> }, node: Tree | undefined): Maybe<T> {
  if (node?.kind !== 'scalar') return undefined;
  const reading = read(node.text);
  return 'wrong' in reading ? undefined : { value: reading.value, offset: node.offset };
}
