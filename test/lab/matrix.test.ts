/** Every key of the inventory changed in a deployed fleet, alone and in pairs, from either mode, and put back. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap, TunnelStatus } from '../../src/events.js';
import { bridgeNamespace, hostNamespace } from '../../src/lab/lab-paths.js';
import { beginDeployed, labAvailability, startLab, type TestLab } from './harness.js';
import { expectSameKernel } from './kernel-state.js';

const unavailable = await labAvailability();
const isFull = process.env['VXFLEET_TESTS'] === 'full';

type Mode = 'gateway' | 'policy';
interface Host {
  readonly underlay: {
    readonly address: string;
    readonly local?: string;
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
interface Fleet {
  readonly prefix: string;
  readonly templates?: string;
  readonly hub: Host;
  readonly spokes: Readonly<Record<string, Spoke>>;
}

/** Every host has a second address, and a second device with an address of its own. @param last the last two bytes of its first address */
const addressesOf = (kind: 0 | 1, last: number) => ({
  first: `198.18.${kind}.${last}`,
  second: `198.18.${kind + 10}.${last}`,
  device: `198.18.${kind + 20}.${last}`,
});

const underlay =
  (change: Partial<Host['underlay']>) =>
  <T extends Host>(host: T): T => ({ ...host, underlay: { ...host.underlay, ...change } });
const vxlan =
  (change: (spoke: Spoke) => Readonly<Record<string, number>>) =>
  (spoke: Spoke): Spoke => ({ ...spoke, vxlan: { ...spoke.vxlan, ...change(spoke) } });
const secondOf = ({ id }: Spoke): string => addressesOf(1, id).second;

/** What may be changed of one spoke. */
const KEYS = {
  mode: (spoke: Spoke): Spoke => ({ ...spoke, mode: spoke.mode === 'gateway' ? 'policy' : 'gateway' }),
  metric: (spoke: Spoke): Spoke => ({ ...spoke, metric: 600 }),
  vni: vxlan(({ id }) => ({ vni: 1000 + id })),
  dstport: vxlan(() => ({ dstport: 4790 })),
  srcport: vxlan(() => ({ srcport: 4789 })),
  mtu: vxlan(() => ({ mtu: 1400 })),
  address: (spoke: Spoke): Spoke => underlay({ address: secondOf(spoke) })(spoke),
  local: (spoke: Spoke): Spoke => underlay({ local: secondOf(spoke) })(spoke),
  device: (spoke: Spoke): Spoke => underlay({ device: 'eth1', local: addressesOf(1, spoke.id).device })(spoke),
  hotplug: (spoke: Spoke): Spoke => underlay({ hotplug: true })(spoke),
} as const;
type Key = keyof typeof KEYS;
const keys = Object.keys(KEYS) as Key[];

/** What may be changed of all of them. */
const FLEET_KEYS: Readonly<Record<string, (fleet: Fleet, templates: string) => Fleet>> = {
  prefix: (fleet) => ({ ...fleet, prefix: '2001:db8:be00::/40' }),
  'the address of the hub': (fleet) => ({ ...fleet, hub: underlay({ address: addressesOf(0, 1).second })(fleet.hub) }),
  'the local address of the hub': (fleet) => ({
    ...fleet,
    hub: underlay({ local: addressesOf(0, 1).second })(fleet.hub),
  }),
  'the device of the hub': (fleet) => ({
    ...fleet,
    hub: underlay({ device: 'eth1', local: addressesOf(0, 1).device })(fleet.hub),
  }),
  'hotplug of the hub': (fleet) => ({ ...fleet, hub: underlay({ hotplug: true })(fleet.hub) }),
  templates: (fleet, templates) => ({ ...fleet, templates }),
};

/** One spoke's part in a run. */
interface Case {
  readonly mode: Mode;
  readonly keys: readonly Key[];
}
const MODES = ['gateway', 'policy'] as const;
/** As many to a run: every key once, and a spoke of each mode that changes nothing itself. Half of them are in either mode. */
const SPOKES = [...keys, undefined, undefined].map((_, index) => {
  const mode = MODES[index % 2] ?? 'gateway';
  return { name: `${mode}-${index + 1}`, mode, id: index + 1 };
});
/** From either mode in turn. */
const inTurn = (changed: readonly (readonly Key[])[], first = 0): Case[] =>
  changed.map((each, index) => ({ mode: MODES[(index + first) % 2] ?? 'gateway', keys: each }));
const SINGLES = keys.map((key) => [key]);
const ALONE = [inTurn(SINGLES), inTurn(SINGLES, 1)];
const PAIRS = keys.flatMap((key, index) => keys.slice(index + 1).map((other) => [key, other]));
const IN_PAIRS = chunks([...inTurn(PAIRS), ...(isFull ? inTurn(PAIRS, 1) : [])], SPOKES.length - 2);

/** The metric is the default route's, which policy mode has in a table of its own. */
const changesNothing = ({ mode, keys: changed }: Case): boolean =>
  changed.every((key) => key === 'metric' && mode === 'policy');

const BASE: Fleet = {
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
function assign(cases: readonly Case[]): { readonly fleet: Fleet; readonly unchanged: readonly string[] } {
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
    changes.reduce((spoke, key) => KEYS[key](spoke), spokeOf(name)),
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
const textOf = (fleet: Fleet): string => JSON.stringify(fleet, null, 2);

describe.skipIf(unavailable !== undefined)(`every change of a deployed fleet ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let templates: string;

  const run = async (...argv: string[]): Promise<{ code: number | null; recap: Recap }> => {
    // Looked at here, once for a change and its way back.
    const { code, stdout } = await lab.run([...argv, '--output', 'json'], { unwatched: 'expectSameKernel' });
    return { code, recap: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap };
  };

  /** Every tunnel ends so; the errors of the others are shown. */
  const expectAll = (
    { code, recap }: { code: number | null; recap: Recap },
    status: (spoke: string) => TunnelStatus,
  ): void => {
    const found = recap.tunnels.map(({ spoke, status: ended, error }) => ({
      spoke,
      status: ended,
      error: error && `${error.end}: ${error.message}`,
    }));
    expect(found).toEqual(found.map(({ spoke }) => ({ spoke, status: status(spoke), error: null })));
    expect(code).toBe(0);
  };

  /** Deploys a change of the deployed fleet, verifies it, and rolls it back: then every host is as before. */
  const thereAndBack = async (fleet: Fleet, unchanged: readonly string[]): Promise<void> => {
    await expectSameKernel(lab, lab.hosts, async () => {
      await writeFile(lab.inventoryPath, textOf(fleet));
      const isUnchanged = (spoke: string): boolean => unchanged.includes(spoke);
      expectAll(await run('deploy'), (spoke) => (isUnchanged(spoke) ? 'unchanged' : 'changed'));
      expectAll(await run('verify'), () => 'unchanged');
      const back = await run('rollback');
      expectAll(back, () => 'rolled_back');
      expect(back.recap.tunnels.map(({ spoke }) => spoke)).toEqual(
        Object.keys(fleet.spokes).filter((spoke) => !isUnchanged(spoke)),
      );
    });
  };

  /** The second address and the second device of every host; a reboot takes them away. */
  const wire = async (): Promise<void> => {
    const bridge = bridgeNamespace(lab.name);
    const lines = lab.hosts.map((host, index) => {
      const { second, device } = index === 0 ? addressesOf(0, 1) : addressesOf(1, index);
      const namespace = hostNamespace(lab.name, host);
      return `ip -n ${namespace} link show eth1 >/dev/null 2>&1 || {
        ip -n ${bridge} link add more${index} type veth peer name eth1 netns ${namespace}
        ip -n ${bridge} link set more${index} master br0 up
        ip -n ${namespace} addr add ${second}/15 dev eth0
        ip -n ${namespace} addr add ${device}/15 dev eth1
        ip -n ${namespace} link set eth1 up
        ip -n ${namespace} route add 198.18.0.0/15 dev eth1 table 100
        ip -n ${namespace} rule add from ${device} lookup 100; }`;
    });
    await promisify(execFile)('sh', ['-euc', lines.join('\n')]);
  };

  beforeAll(async () => {
    lab = await startLab('matrix', { inventoryText: textOf(BASE) });
    await wire();
    templates = join(lab.scratch, 'templates');
    await mkdir(templates);
    await cp(fileURLToPath(new URL('../../templates', import.meta.url)), templates, { recursive: true });
    for (const name of ['hub', 'gateway', 'policy']) {
      const path = join(templates, `${name}.liquid`);
      await writeFile(path, `${await readFile(path, 'utf8')}  post-up true {{ interface }}\n`);
    }
  });
  beforeEach(async () => {
    await wire();
    await beginDeployed(lab, textOf(BASE));
  });
  afterAll(async () => {
    await lab?.down();
  });

  it.each([
    ...ALONE.map((cases, index) => [`one key, part ${index + 1}`, cases] as const),
    ...IN_PAIRS.map((cases, index) => [`two keys, part ${index + 1}`, cases] as const),
  ])('of a spoke: %s', async (_title, cases) => {
    const { fleet, unchanged } = assign(cases);
    await thereAndBack(fleet, unchanged);
  });

  it.each(Object.entries(FLEET_KEYS).map(([title, change], index) => [title, change, index] as const))(
    'of all: %s, and a key of each spoke',
    async (_title, change, index) => {
      await thereAndBack(change(assign(inTurn(SINGLES, index)).fleet, templates), []);
    },
  );

  it('of all: everything at once', async () => {
    const fleet = Object.values(FLEET_KEYS).reduce(
      (before, change) => change(before, templates),
      assign(inTurn(SINGLES)).fleet,
    );
    await thereAndBack(fleet, []);
  });

  it('of names and ids, which other spokes had, with --prune', async () => {
    /** Their new ids, of three kinds: new ones, those of each other, and those that a third one leaves. */
    const ids: Readonly<Record<number, number>> = { 3: 103, 4: 104, 5: 7, 7: 5, 6: 9, 9: 109 };
    const moved = SPOKES.filter(({ id }) => id in ids).map(({ name }) => name);
    const spokes = Object.fromEntries(
      Object.entries(BASE.spokes).map(([name, spoke]) =>
        spoke.id <= 2 ? [`renamed-${name}`, spoke] : [name, { ...spoke, id: ids[spoke.id] ?? spoke.id }],
      ),
    );
    const expectMoved = ({ code, recap }: { code: number | null; recap: Recap }): void => {
      expect(recap.tunnels.flatMap(({ error }) => error ?? [])).toEqual([]);
      expect(code).toBe(0);
      const removed = recap.tunnels.filter(({ status }) => status === 'removed').map(({ spoke }) => spoke);
      expect(removed.toSorted()).toEqual(moved.toSorted());
    };
    await expectSameKernel(lab, lab.hosts, async () => {
      await writeFile(lab.inventoryPath, textOf({ ...BASE, spokes }));
      expectMoved(await run('deploy', '--prune'));
      expectAll(await run('verify'), () => 'unchanged');
      expectMoved(await run('rollback'));
    });
  });
});
