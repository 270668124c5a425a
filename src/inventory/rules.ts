import type { Draft, Located, SpokeDraft } from './draft.js';
import { nearName } from './near-name.js';
import type { Finding } from './problem.js';
import { showInteger } from './read-integer.js';
import { isInPrefix, maxId } from './read-prefix.js';
import { FIELDS } from './schema.js';
import type { SourceText } from './source-text.js';

/** What must hold between fields. A rule sees only values that the schema took, and works on the rest when some are missing. */
export interface Rule {
  /** The rule as a sentence. */
  readonly sentence: string;
  readonly check: (draft: Draft, source: SourceText) => readonly Finding[];
}

/** All cross-field rules; a new one is one more entry. None takes more than one pass over the spokes. */
export const RULES: readonly Rule[] = [
  { sentence: 'A fleet has at least one spoke.', check: findNoSpokes },
  { sentence: 'A spoke has a name that can be selected, typed and written to a file.', check: findBadNames },
  { sentence: 'Every spoke has an id and an underlay, its own or from the defaults.', check: findMissing },
  { sentence: 'An id has room in the prefix.', check: findIdsOutsidePrefix },
  { sentence: 'No two spokes have the same id.', check: findDuplicateIds },
  { sentence: 'No two tunnels have the same VNI and UDP port on the hub.', check: findDuplicateVnis },
  { sentence: "No two hosts have the same underlay address, the hub's included.", check: findDuplicateAddresses },
  { sentence: 'The underlay lies outside the overlay.', check: findUnderlayInOverlay },
  { sentence: 'The anchor lies outside the overlay.', check: findAnchorInOverlay },
  { sentence: 'A site is isolated by the filter.', check: findIsolatedUnfiltered },
  { sentence: 'A tag that isolates is the tag of a site.', check: findUnknownIsolatingTags },
  { sentence: 'The hub is not its own jump host.', check: findHubJumpingOverItself },
];

function findNoSpokes({ spokes, spokesOffset }: Draft): Finding[] {
  if (spokesOffset === undefined || spokes.length > 0) return [];
  return [{ offset: spokesOffset, message: 'spokes: the fleet has no spoke' }];
}

function findBadNames({ spokes }: Draft): Finding[] {
  return spokes.flatMap(({ name, offset }) => {
    const reading = FIELDS.name.read(name);
    return 'wrong' in reading ? [{ offset, message: `spokes: ${reading.wrong}`, fix: reading.fix }] : [];
  });
}

const MISSING_FIXES: Partial<Record<string, string>> = {
  id: 'give each spoke a number of its own, like "id: 1"',
  'underlay.address': 'add "address: …" to its underlay, the IPv4 address of the host',
  'underlay.device': 'add "device: …" to its underlay, or to the one of "defaults"',
  underlay: 'add "underlay: { address: …, device: … }"',
};

function findMissing({ spokes }: Draft): Finding[] {
  return spokes.flatMap(({ name, offset, missing }) =>
    missing.map((key) => ({
      offset,
      message: `spokes.${name}: "${key}" is missing`,
      fix: MISSING_FIXES[key],
      missing: `spokes.${name}.${key}`,
    })),
  );
}

function findIdsOutsidePrefix({ prefix, spokes }: Draft): Finding[] {
  if (prefix === undefined) return [];
  const { length } = prefix.value;
  const max = maxId(length);
  return spokes.flatMap(({ name, id }) => {
    if (id === undefined || id.value <= max) return [];
    const room = max === 1 ? '1 spoke: the only id is 1' : `${max} spokes: ids run from 1 to ${showInteger(max)}`;
    return [
      {
        offset: id.offset,
        message: `spokes.${name}.id: ${showInteger(id.value)} is too large; a /${length} has room for ${room}`,
      },
    ];
  });
}

function findDuplicateIds({ spokes }: Draft, source: SourceText): Finding[] {
  return findRepeated(spokes, ({ id }) => id?.value).map(([{ name, id, offset }, first]) => ({
    offset: id?.offset ?? offset,
    message: `spokes.${name}.id: ${showInteger(id?.value ?? 0)} is already the id of ${first.name} (line ${lineOf(source, first.id)})`,
    fix: 'give each spoke an id of its own',
  }));
}

function findDuplicateVnis({ spokes }: Draft, source: SourceText): Finding[] {
  // Equal ids are a problem of their own and would repeat themselves here.
  const pairs = findRepeated(spokes, ({ vni, dstport }) => vni && dstport && `${vni.value} ${dstport.value}`);
  return pairs.flatMap(([{ name, vni, dstport }, first]) => {
    if (vni === undefined || dstport === undefined || (vni.isFromId && first.vni?.isFromId)) return [];
    const origin = vni.isFromId ? ', which follows from the id,' : '';
    const firstOrigin = first.vni?.isFromId ? ', where it follows from the id' : '';
    return {
      offset: vni.offset,
      message:
        `spokes.${name}: VNI ${showInteger(vni.value)}${origin} with dstport ${dstport.value} is already ` +
        `${first.name}'s on the hub (line ${lineOf(source, first.vni)}${firstOrigin})`,
      fix: 'give one of the two another vxlan.vni or vxlan.dstport',
    };
  });
}

function findDuplicateAddresses({ hub, spokes }: Draft, source: SourceText): Finding[] {
  const hosts = [{ name: 'the hub', address: hub.address }, ...spokes];
  return findRepeated(hosts, ({ address }) => address?.value).flatMap(([{ name, address }, first]) =>
    address === undefined
      ? []
      : {
          offset: address.offset,
          message:
            `spokes.${name}.underlay.address: ${address.value} is already the address of ${first.name} ` +
            `(line ${lineOf(source, first.address)})`,
        },
  );
}

function findUnderlayInOverlay({ prefix, hub, spokes }: Draft): Finding[] {
  if (prefix === undefined) return [];
  const hosts = [
    { path: 'hub', addressText: hub.addressText },
    ...spokes.map(({ name, addressText }) => ({ path: `spokes.${name}`, addressText })),
  ];
  return hosts.flatMap(({ path, addressText }) =>
    addressText === undefined || !isInPrefix(addressText.value, prefix.value)
      ? []
      : {
          offset: addressText.offset,
          message: `${path}.underlay.address: ${addressText.value} lies inside ${prefix.value.text}: the tunnel would carry its own packets`,
          fix: 'use the IPv4 address of the device, as `ip -4 address` shows it',
        },
  );
}

function findAnchorInOverlay({ prefix, hub: { anchor } }: Draft): Finding[] {
  if (prefix === undefined || anchor === undefined || !isInPrefix(anchor.value, prefix.value)) return [];
  const message =
    `hub.anchor: ${anchor.value} lies inside ${prefix.value.text}: ` +
    'an answer would not prove that the hub forwards beyond the fleet';
  return [{ offset: anchor.offset, message, fix: 'name an address beyond the hub, such as its upstream router' }];
}

function findHubJumpingOverItself({ hub: { proxyJump } }: Draft): Finding[] {
  if (proxyJump?.value.includes('hub') !== true) return [];
  const message = 'hub.ssh.proxy_jump: the hub cannot be its own jump host';
  return [{ offset: proxyJump.offset, message, fix: 'name the host before the hub, or leave the key away' }];
}

function findIsolatedUnfiltered({ filter, spokes }: Draft): Finding[] {
  if (filter?.value !== false) return [];
  // One for all that `defaults` says it for.
  const places = new Map(
    spokes.flatMap(({ name, isolate }) =>
      isolate !== undefined && isolate.value !== false ? [[isolate.offset, name]] : [],
    ),
  );
  return [...places].map(([offset, name]) => ({
    offset,
    message: `spokes.${name}.isolate: nothing keeps the sites apart while the filter is off`,
    fix: 'remove "filter: off", or set isolate to false',
  }));
}

/** A typo would leave sites together that are to be apart. */
function findUnknownIsolatingTags({ spokes }: Draft): Finding[] {
  const known = new Set(spokes.flatMap(({ tags }) => tags));
  const named = spokes.flatMap(({ isolate }) => (typeof isolate?.value === 'object' ? isolate.value : []));
  const unknown = new Map(named.filter(({ value }) => !known.has(value)).map((tag) => [tag.offset, tag.value]));
  return [...unknown].map(([offset, tag]) => {
    const near = nearName(tag, [...known]);
    const fix = near === undefined ? undefined : `did you mean ${near}?`;
    return { offset, message: `isolate: no spoke has the tag "${tag}"`, fix };
  });
}

/** Each item whose key an earlier item has, paired with the first that has it. Items without a key are left out. */
function findRepeated<T>(items: readonly T[], keyOf: (item: T) => string | number | undefined): [again: T, first: T][] {
  const firsts = new Map<string | number, T>();
  const repeated: [T, T][] = [];
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, item);
    else repeated.push([item, first]);
  }
  return repeated;
}

const lineOf = (source: SourceText, place: Located<unknown> | SpokeDraft | undefined): number =>
  source.placeOf(place?.offset ?? 0).line;
