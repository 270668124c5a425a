/** Every key of the inventory changed in a deployed fleet, alone and in pairs, from either mode, and put back. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap, TunnelStatus } from '../../src/events.js';
import { bridgeNamespace, hostNamespace } from '../../src/lab/lab-paths.js';
import { beginDeployed, labAvailability, startLab, type TestLab } from './harness.js';
import { expectSameKernel } from './kernel-state.js';
import {
  addressesOf,
  ALONE,
  assign,
  BASE,
  FLEET_KEYS,
  IN_PAIRS,
  inTurn,
  SINGLES,
  SPOKES,
  textOf,
  type Fleet,
} from './matrix-cases.js';

const unavailable = await labAvailability();

const TEMPLATES = fileURLToPath(new URL('../../templates', import.meta.url));

describe.skipIf(unavailable !== undefined)(`every change of a deployed fleet ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let templates: string;
  /** The scene before has proven every host to be as it found it; else the next one deploys what it begins with. */
  let isAsBegun = false;

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

  const comesBack = async (scene: () => Promise<void>): Promise<void> => {
    isAsBegun = false;
    await expectSameKernel(lab, lab.hosts, scene);
    isAsBegun = true;
  };

  /** Deploys a change of the deployed fleet, verifies it, and rolls it back: then every host is as before. */
  const thereAndBack = async (fleet: Fleet, unchanged: readonly string[]): Promise<void> => {
    await comesBack(async () => {
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

  /** @returns a directory of templates with one more line in some of them */
  const templatesWith = async (line: string, names: readonly string[]): Promise<string> => {
    const directory = await mkdtemp(join(lab.scratch, 'templates-'));
    for (const name of names) {
      const text = await readFile(join(TEMPLATES, `${name}.liquid`), 'utf8');
      await writeFile(join(directory, `${name}.liquid`), `${text}  ${line}\n`);
    }
    return directory;
  };

  beforeAll(async () => {
    lab = await startLab('matrix', { inventoryText: textOf(BASE) });
    await wire();
    templates = await templatesWith('post-up true', ['hub', 'gateway', 'policy']);
  });
  beforeEach(async () => {
    if (isAsBegun) return;
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

  it.each([
    ['the hub', ['hub']],
    ['the spoke', ['gateway', 'policy']],
  ])('of all, whose last line fails at %s, is put back', async (_title, names) => {
    const broken = await templatesWith('post-up false', names);
    await comesBack(async () => {
      await writeFile(lab.inventoryPath, textOf({ ...assign(inTurn(SINGLES)).fleet, templates: broken }));
      const { code, recap } = await run('deploy', '--max-fail', '100%');
      const ended = recap.tunnels.map(({ spoke, status, put_back }) => ({ spoke, status, put_back }));
      expect(ended).toEqual(SPOKES.map(({ name }) => ({ spoke: name, status: 'reverted', put_back: 'answers' })));
      expect(code).toBe(1);
    });
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
    await comesBack(async () => {
      await writeFile(lab.inventoryPath, textOf({ ...BASE, spokes }));
      const there = await run('deploy', '--prune');
      expectMoved(there);
      // A name is a comment of the file: nothing goes down for it.
      const renamed = there.recap.tunnels.filter(({ spoke }) => spoke.startsWith('renamed-'));
      expect(renamed.map(({ status, down_ms }) => [status, down_ms])).toEqual([
        ['changed', null],
        ['changed', null],
      ]);
      expectAll(await run('verify'), () => 'unchanged');
      expectMoved(await run('rollback'));
    });
  });
});
