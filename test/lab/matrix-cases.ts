/** The changes of matrix.test.ts: every key of the inventory, alone and in pairs, each of a spoke of its own. */

const isFull = process.env['VXFLEET_TESTS'] === 'full';

type Mode = 'gateway' | 'policy';
interface Host {
  readonly underlay: {
    readonly address: string;
    readonly device: string;
    readonly hotplug?: boolean;
  };
  readonly ssh: { readonly host: string };
}
interface Spoke extends Host {
  readonly id: number;
  readonly mode: Mode;
  readonly metric?: number;
  readonly vxlan?: Readonly<Record<string, number>>;
}
export interface Fleet {
  readonly prefix: string;
  readonly templates?: string;
  readonly hub: Host;
  readonly spokes: Readonly<Record<string, Spoke>>;
}

/** Every host has a second address, and a second device with an address of its own. @param last the last byte of all three */
export const addressesOf = (kind: 0 | 1, last: number) => ({
  first: `198.18.${kind}.${last}`,
  second: `198.18.${kind + 10}.${last}`,
  device: `198.18.${kind + 20}.${last}`,
});

const withUnderlay = <T extends Host>(host: T, change: Partial<Host['underlay']>): T => ({
  ...host,
  underlay: { ...host.underlay, ...change },
});
const withVxlan = (spoke: Spoke, change: Readonly<Record<string, number>>): Spoke => ({
  ...spoke,
  vxlan: { ...spoke.vxlan, ...change },
});

/** What may be changed of one spoke. */
const KEYS: Readonly<Record<string, (spoke: Spoke) => Spoke>> = {
  mode: (spoke) => ({ ...spoke, mode: spoke.mode === 'gateway' ? 'policy' : 'gateway' }),
  metric: (spoke) => ({ ...spoke, metric: 600 }),
  vni: (spoke) => withVxlan(spoke, { vni: 1000 + spoke.id }),
  dstport: (spoke) => withVxlan(spoke, { dstport: 4790 }),
  srcport: (spoke) => withVxlan(spoke, { srcport: 4789 }),
  mtu: (spoke) => withVxlan(spoke, { mtu: 1400 }),
  // A local address of its own is for NAT (stanzas.test.ts): without it the filter of the other end would be right to drop what comes from there.
  address: (spoke) => withUnderlay(spoke, { address: addressesOf(1, spoke.id).second }),
  device: (spoke) => withUnderlay(spoke, { device: 'eth1', address: addressesOf(1, spoke.id).device }),
  hotplug: (spoke) => withUnderlay(spoke, { hotplug: true }),
};
const keys = Object.keys(KEYS);

/** What may be changed of all of them. */
export const FLEET_KEYS: Readonly<Record<string, (fleet: Fleet, templates: string) => Fleet>> = {
  prefix: (fleet) => ({ ...fleet, prefix: '2001:db8:be00::/40' }),
  'the address of the hub': (fleet) => withHub(fleet, { address: addressesOf(0, 1).second }),
  'the device of the hub': (fleet) => withHub(fleet, { device: 'eth1', address: addressesOf(0, 1).device }),
  'hotplug of the hub': (fleet) => withHub(fleet, { hotplug: true }),
  templates: (fleet, templates) => ({ ...fleet, templates }),
};
const withHub = (fleet: Fleet, change: Partial<Host['underlay']>): Fleet => ({
  ...fleet,
  hub: withUnderlay(fleet.hub, change),
});

/** One spoke's part in a run. */
interface Case {
  readonly mode: Mode;
  readonly keys: readonly string[];
}
const MODES = ['gateway', 'policy'] as const;
/** As many to a run: every key once, and a spoke of each mode that changes nothing itself. Half of them are in either mode. */
export const SPOKES = [...keys, undefined, undefined, undefined].map((_, index) => {
  const mode = MODES[index % 2] ?? 'gateway';
  return { name: `${mode}-${index + 1}`, mode, id: index + 1 };
});
/** From either mode in turn. */
export const inTurn = (changed: readonly (readonly string[])[], first = 0): Case[] =>
  changed.map((each, index) => ({ mode: MODES[(index + first) % 2] ?? 'gateway', keys: each }));
export const SINGLES = keys.map((key) => [key]);
export const ALONE = [inTurn(SINGLES), inTurn(SINGLES, 1)];
const PAIRS = keys.flatMap((key, index) => keys.slice(index + 1).map((other) => [key, other]));
export const IN_PAIRS = chunks([...inTurn(PAIRS), ...(isFull ? inTurn(PAIRS, 1) : [])], SPOKES.length);

/** The metric is the default route's, which policy mode has in a table of its own. */
const changesNothing = ({ mode, keys: changed }: Case): boolean =>
  changed.every((key) => key === 'metric' && mode === 'policy');

export const BASE: Fleet = {
  prefix: '2001:db8:ae00::/40',
  hub: { underlay: { address: addressesOf(0, 1).first, device: 'eth0' }, ssh: { host: addressesOf(0, 1).first } },
  spokes: Object.fromEntries(
    SPOKES.map(({ name, mode, id }) => {
      const { first } = addressesOf(1, id);
      return [name, { id, mode, underlay: { address: first, device: 'eth0' }, ssh: { host: first } }];
    }),
  ),
};

/** Hands each case to a spoke of its mode. */
export function assign(cases: readonly Case[]): { readonly fleet: Fleet; readonly unchanged: readonly string[] } {
  const free = [...SPOKES];
  const taken = cases.map((one) => {
    const [spoke] = free.splice(
      free.findIndex(({ mode }) => mode === one.mode),
      1,
    );
    if (spoke?.mode !== one.mode) throw new Error('more cases than spokes');
    return { ...one, name: spoke.name };
  });
  const changed = taken.map(({ name, keys: changes }) => [
    name,
    changes.reduce((spoke, key) => KEYS[key]?.(spoke) ?? spoke, spokeOf(name)),
  ]);
  const unchanged = [...free, ...taken.filter(changesNothing)].map(({ name }) => name);
  return { fleet: { ...BASE, spokes: { ...BASE.spokes, ...Object.fromEntries(changed) } }, unchanged };
}

function spokeOf(name: string): Spoke {
  const spoke = BASE.spokes[name];
  if (spoke === undefined) throw new Error(`no spoke ${name}`);
  return spoke;
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

/** JSON is YAML. */
export const textOf = (fleet: Fleet): string => JSON.stringify(fleet, null, 2);
