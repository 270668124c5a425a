import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { runOnTerminal } from './terminal.js';
import { beginDeployed, labAvailability, startLab, type TestLab } from './harness.js';

const unavailable = await labAvailability();

const DIRECTORY = '/etc/network/interfaces.d';

describe.skipIf(unavailable !== undefined)(`a spoke that has left the inventory ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let original: string;
  let otherFleet: string;

  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await lab.run([...args, '--output', 'json']);
    expect(stderr).toBe('');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; level: string; message: string });
    const noticed = events.filter(({ event }) => event === 'notice');
    const notices = noticed.filter(({ level }) => level === 'warning').map(({ message }) => message);
    const said = noticed.find(({ level }) => level === 'info')?.message ?? '';
    const recap = events.at(-1) as unknown as Recap;
    return {
      code,
      recap,
      notices,
      said,
      of: (spoke: string) => recap.tunnels.find((tunnel) => tunnel.spoke === spoke),
    };
  };
  const sh = async (host: string, script: string): Promise<string> => {
    const { code, stdout, stderr } = await lab.exec(host, ['sh', '-c', script]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const filesOf = async (...hosts: string[]): Promise<string[]> =>
    await Promise.all(
      hosts.map((host) => sh(host, `cd ${DIRECTORY}; for f in vxlan*; do [ ! -f $f ] || sha256sum $f; done`)),
    );
  const write = async (text: string): Promise<void> => {
    expect(text).not.toBe(await readFile(lab.inventoryPath, 'utf8'));
    await writeFile(lab.inventoryPath, text);
  };
  const without = (spoke: string): string => original.replace(new RegExp(`^ {2}${spoke}:\\n(?: {4}.*\\n)+`, 'm'), '');
  /** What of a tunnel is on a host: its file, its link, its routes and rules. */
  const remains = async (host: string, name: string, id: string): Promise<string> =>
    sh(
      host,
      `ls ${DIRECTORY} | grep ${name}; ip -o link | grep ${name}; ip -6 route show table all | grep -E "${name}|ae0${id}:|3000${id}"; ip -6 rule | grep ae00; true`,
    );
  const answers = async (target: string): Promise<boolean> =>
    (await lab.exec('hub', ['ping', '-6', '-c1', '-W2', target])).code === 0;

  beforeAll(async () => {
    lab = await startLab('orphans', { spokes: 3 });
    otherFleet = join(lab.scratch, 'other.yaml');
    original = await readFile(lab.inventoryPath, 'utf8');
    await Promise.all(['hub', 'tokyo', 'osaka', 'lisbon'].map((host) => sh(host, 'rm -rf /var/lib/vxfleet')));
  });
  beforeEach(async () => {
    await beginDeployed(lab, original);
  });
  afterAll(async () => {
    await lab?.down();
  });

  it('is named by every deploy and diff, and its tunnel is left as it is', async () => {
    const before = await filesOf('hub', 'tokyo');
    await write(without('tokyo'));
    for (const command of [['deploy'], ['diff'], ['deploy', 'osaka', '--force']]) {
      const { code, recap, notices } = await run(...command);
      expect(code).toBe(0);
      expect(recap.tunnels.map(({ spoke }) => spoke)).not.toContain('tokyo');
      expect(notices).toEqual([
        'vxlan01 (tokyo, 198.18.1.1) is on the hub and not in the inventory: left as it is; deploy --prune removes it from both ends',
      ]);
    }
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    expect(await answers('2001:db8:ae01::1')).toBe(true);
  });

  it('is removed from both ends by --prune, proven, and brought back by rollback', async () => {
    const before = await filesOf('hub', 'lisbon');
    await write(without('lisbon'));
    const dry = await run('deploy', '--prune', '--dry-run');
    expect(dry.of('lisbon')).toMatchObject({
      status: 'would_remove',
      ends: { hub: 'would_remove', spoke: 'would_remove' },
    });
    expect(dry.notices).toEqual([]);
    expect(await filesOf('hub', 'lisbon')).toEqual(before);

    const { code, recap, of } = await run('deploy', '--prune');
    expect(code).toBe(0);
    expect(recap.counts).toMatchObject({ removed: 1, changed: 0, unchanged: 2 });
    expect(of('lisbon')).toMatchObject({ status: 'removed', ends: { hub: 'removed', spoke: 'removed' } });
    // In policy mode there were rules and a table too.
    expect(await remains('hub', 'vxlan03', '3')).not.toMatch(/vxlan03|ae03/);
    expect(await remains('lisbon', 'vxlan03', '3')).toBe('');
    expect((await run('deploy', '--prune')).recap.counts).toMatchObject({ unchanged: 2, removed: 0 });

    const back = await run('rollback');
    expect(back.code).toBe(0);
    expect(back.of('lisbon')).toMatchObject({
      status: 'rolled_back',
      ends: { hub: 'rolled_back', spoke: 'rolled_back' },
    });
    expect(await filesOf('hub', 'lisbon')).toEqual(before);
    expect(await answers('2001:db8:ae03::1')).toBe(true);
    // By name too, though no inventory has it.
    expect((await run('deploy', '--prune')).code).toBe(0);
    expect((await run('rollback', 'lisbon')).of('lisbon')).toMatchObject({ status: 'rolled_back' });
    expect(await filesOf('hub', 'lisbon')).toEqual(before);
  });

  it('is removed on a terminal only when the person there says so', async () => {
    const before = await filesOf('hub', 'tokyo');
    await write(without('tokyo'));
    const argv = ['deploy', '--prune', '--ssh', 'tokyo=198.18.1.1'];
    const ask = async (answer: string, ...more: string[]) =>
      runOnTerminal(lab.name, [...argv, ...more], { question: '[y/N] ', answer });
    const declined = await ask('');
    expect(declined.code).toBe(130);
    expect(declined.shown).toContain('Remove tokyo (vxlan01), and at most 2 that only spokes still have? [y/N]');
    expect(declined.shown).toContain('nothing was begun');
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    const agreed = await ask('y');
    expect(agreed.code).toBe(0);
    expect(agreed.shown).toMatch(/tokyo +vxlan01 +\S*removed/);
    await write(original);
    expect((await run('deploy')).code).toBe(0);
    await write(without('tokyo'));
    const unasked = await ask('n', '--yes');
    expect(unasked.code).toBe(0);
    expect(unasked.shown).not.toContain('[y/N]');
  });

  it('is reached as the operator says, and by no word of a host', async () => {
    const before = await filesOf('hub', 'tokyo');
    await write(without('tokyo'));
    const { code, stdout, stderr } = await lab.run(['deploy', '--prune'], { saysWays: false });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('the inventory does not say how tokyo is reached');
    expect(stderr).toContain('--ssh tokyo=HOST (its underlay address was 198.18.1.1)');
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
  });

  it('keeps its tunnel where somebody else has made one of that name on its host', async () => {
    await write(without('osaka'));
    await sh('osaka', `ifdown vxlan02 && rm ${DIRECTORY}/vxlan02`);
    await sh('osaka', 'ip link add vxlan02 type vxlan id 777 remote 198.18.0.77 dstport 4789');
    const before = await filesOf('hub', 'osaka');
    const { code, of } = await run('deploy', '--prune');
    expect(code).toBe(1);
    expect(of('osaka')).toMatchObject({ status: 'failed', error: { code: 'refused', end: 'spoke' } });
    expect(of('osaka')?.error?.message).toContain('vxfleet did not make it');
    expect(await filesOf('hub', 'osaka')).toEqual(before);
    expect(await sh('osaka', 'ip -d link show vxlan02')).toContain('id 777');
    await sh('osaka', 'ip link del vxlan02');
  });

  it('keeps its tunnel when we are led to another host', async () => {
    await write(without('osaka'));
    const before = await filesOf('hub', 'osaka', 'tokyo');
    const { code, stdout } = await lab.run(['deploy', '--prune', '--output', 'json', '--ssh', 'osaka=198.18.1.1'], {
      saysWays: false,
    });
    expect(code).toBe(1);
    expect(stdout).toContain('it has vxlan01 of tokyo: it is not proven to be osaka');
    expect(await filesOf('hub', 'osaka', 'tokyo')).toEqual(before);
  });

  it('that does not answer keeps its tunnel, unless the hub’s end alone is asked for', async () => {
    const before = await filesOf('hub', 'tokyo');
    await write(without('tokyo'));
    await lab.cut('tokyo');
    const refused = await run('deploy', '--prune', '--connect-timeout', '1');
    expect(refused.code).toBe(1);
    expect(refused.of('tokyo')).toMatchObject({
      status: 'unreachable',
      ends: { hub: 'untouched', spoke: 'unreachable' },
    });
    expect(refused.of('tokyo')?.error?.hint).toContain('--prune-unreachable');
    expect(await filesOf('hub')).toEqual([before[0]]);

    // A host that answers and refuses our key is there, and may be in use.
    await lab.heal('tokyo');
    await sh('tokyo', 'mv /root/.ssh/authorized_keys /root/.ssh/off');
    const unwelcome = await run('deploy', '--prune', '--prune-unreachable');
    await sh('tokyo', 'mv /root/.ssh/off /root/.ssh/authorized_keys');
    expect(unwelcome.of('tokyo')).toMatchObject({ status: 'unreachable', error: { code: 'auth' } });
    expect(await filesOf('hub')).toEqual([before[0]]);
    await lab.cut('tokyo');

    const flags = ['--prune', '--prune-unreachable', '--connect-timeout', '1'];
    const { code, of } = await run('deploy', ...flags);
    expect(code).toBe(0);
    expect(of('tokyo')).toMatchObject({ status: 'removed_at_hub', ends: { hub: 'removed', spoke: 'unreachable' } });
    expect(await remains('hub', 'vxlan01', '1')).not.toMatch(/vxlan01|ae01/);

    await lab.heal('tokyo');
    expect((await run('rollback')).of('tokyo')).toMatchObject({ status: 'rolled_back' });
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    expect(await answers('2001:db8:ae01::1')).toBe(true);
  });

  it('that comes back with another id loses what only its own host still has of the old one', async () => {
    await write(without('tokyo'));
    await lab.cut('tokyo');
    expect((await run('deploy', '--prune', '--prune-unreachable', '--connect-timeout', '1')).code).toBe(0);
    await lab.heal('tokyo');
    await write(original.replace(/id: 1\b/, 'id: 5'));
    const named = await run('deploy', 'tokyo');
    expect(named.notices).toEqual([
      'vxlan01 (to 198.18.0.1) on tokyo is an old tunnel of this fleet, which comes up at each boot: left as it is; deploy --prune removes it',
    ]);
    const preview = await run('deploy', '--prune', '--dry-run');
    expect(preview.recap.tunnels.map(({ id, spoke, status }) => [id, spoke, status])).toEqual([
      [1, 'tokyo', 'would_remove'],
      [2, 'osaka', 'unchanged'],
      [3, 'lisbon', 'unchanged'],
      [5, 'tokyo', 'would_change'],
    ]);
    const { code, recap, notices } = await run('deploy', '--prune');
    expect(recap.tunnels.filter(({ error }) => error !== null)).toEqual([]);
    expect([code, notices]).toEqual([0, []]);
    expect(recap.tunnels.find(({ id }) => id === 1)).toMatchObject({
      spoke: 'tokyo',
      status: 'removed',
      ends: { hub: 'unchanged', spoke: 'removed' },
    });
    expect(await remains('tokyo', 'vxlan01', '1')).not.toMatch(/vxlan01|ae01/);
    await lab.reboot('tokyo');
    expect(await remains('tokyo', 'vxlan01', '1')).not.toMatch(/vxlan01|ae01/);
    expect(await sh('tokyo', 'ip -6 route show default')).toMatch(/^default .* dev vxlan05 [^\n]*\n$/);
    expect((await run('deploy', '--prune')).recap.counts).toMatchObject({ unchanged: 3 });
    // Only a link, without a file.
    await sh(
      'tokyo',
      'ip link add vxlan01 address 02:76:78:00:01:02 type vxlan id 99 remote 198.18.0.1 dstport 4999 dev eth0',
    );
    await sh('tokyo', 'ip link set vxlan01 up; ip -6 addr add 2001:db8:ae01::1/128 dev vxlan01');
    expect((await run('deploy')).notices).toEqual([
      'vxlan01 (to 198.18.0.1) on tokyo is an old tunnel of this fleet and runs without a file: ip link del dev vxlan01 removes it',
    ]);
    await sh('tokyo', 'ip link del vxlan01');
  });

  it('stands behind the brakes as every other tunnel does', async () => {
    const before = await filesOf('hub', 'osaka');
    await write(
      without('tokyo')
        .replace(/^ {2}osaka:\n(?: {4}.*\n)+/m, '')
        .replace(/(id: 3\b)/, '$1\n    metric: 700'),
    );
    await sh('tokyo', `sed -i '1s/spoke tokyo/spoke kyoto/' ${DIRECTORY}/vxlan01`);
    const { code, recap } = await run('deploy', '--prune', '--forks', '1', '--max-fail', '0');
    expect(code).toBe(1);
    expect(recap.tunnels.map(({ spoke, status }) => [spoke, status])).toEqual([
      ['tokyo', 'failed'],
      ['osaka', 'skipped'],
      // The deploys come first: what is removed is in nobody's way.
      ['lisbon', 'unchanged'],
    ]);
    expect((await filesOf('osaka'))[0]).toEqual(before[1]);
    expect(await sh('hub', `ls ${DIRECTORY}`)).toContain('vxlan02');
    await sh('tokyo', `sed -i '1s/spoke kyoto/spoke tokyo/' ${DIRECTORY}/vxlan01`);
  });

  it('or shall have another id keeps its tunnel when it could not have the new one', async () => {
    const before = await filesOf('hub', 'tokyo');
    await write(original.replace(/id: 1\b/, 'id: 5'));
    await sh('tokyo', `printf '# by hand\\n' >${DIRECTORY}/vxlan05`);
    const { code, recap } = await run('deploy', '--prune');
    await sh('tokyo', `rm ${DIRECTORY}/vxlan05`);
    expect(code).toBe(1);
    expect(recap.tunnels.map(({ id, status }) => [id, status])).toEqual([
      [1, 'failed'],
      [2, 'unchanged'],
      [3, 'unchanged'],
      [5, 'failed'],
    ]);
    expect(recap.tunnels[0]?.error?.message).toMatch(/^it stays, because tokyo could not have vxlan05 instead: /);
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    expect(await answers('2001:db8:ae01::1')).toBe(true);
  });

  it('or shall have another id is not without its tunnel when the new one fails its proof', async () => {
    const before = await filesOf('hub', 'tokyo');
    await write(original.replace(/( {4})id: 1\b/, '$1id: 5\n$1vxlan: { dstport: 4999 }'));
    await sh('tokyo', 'ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport 4999 dir in action block');
    const { code, recap } = await run('deploy', '--prune', '--verify-timeout', '1');
    await sh('tokyo', 'ip xfrm policy flush');
    expect(code).toBe(1);
    expect(recap.tunnels.filter(({ spoke }) => spoke === 'tokyo').map(({ id, status }) => [id, status])).toEqual([
      [1, 'reverted'],
      [5, 'reverted'],
    ]);
    expect(recap.tunnels.find(({ id }) => id === 1)).toMatchObject({ put_back: 'answers' });
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    expect(await answers('2001:db8:ae01::1')).toBe(true);
  });

  it('or cannot be reached is no failed canary', async () => {
    await write(original.replace('spokes:', 'defaults:\n  vxlan: { mtu: 1400 }\nspokes:'));
    await lab.cut('tokyo');
    const { recap } = await run('deploy', '--canary', '1', '--max-fail', '0', '--connect-timeout', '1');
    await lab.heal('tokyo');
    expect(recap.tunnels.map(({ spoke, status }) => [spoke, status])).toEqual([
      ['tokyo', 'unreachable'],
      ['osaka', 'changed'],
      ['lisbon', 'changed'],
    ]);
  });

  it('is reported too when only its link is left, without a file', async () => {
    await write(without('tokyo'));
    await sh('hub', `rm ${DIRECTORY}/vxlan01`);
    const { code, notices } = await run('deploy');
    expect(code).toBe(0);
    expect(notices).toEqual([
      'vxlan01 (198.18.1.1) runs on the hub without a file and is not in the inventory: ip link del dev vxlan01 removes it',
    ]);
    expect(await remains('hub', 'vxlan01', '1')).toContain('vxlan01');
    await sh('hub', 'ip link del dev vxlan01');
    expect((await run('deploy')).notices).toEqual([]);
  });

  it('does not lose its id to another spoke while the hub still has its tunnel', async () => {
    const before = await filesOf('hub', 'tokyo', 'osaka');
    // tokyo and osaka change places.
    const swapped = original
      .replace(/id: 1\b/, 'id: 0')
      .replace(/id: 2\b/, 'id: 1')
      .replace('id: 0', 'id: 2');
    await write(swapped);
    const { code, of, notices } = await run('deploy');
    expect(code).toBe(1);
    for (const [spoke, other] of [
      ['tokyo', 'osaka'],
      ['osaka', 'tokyo'],
    ] as const) {
      expect(of(spoke)).toMatchObject({ status: 'failed', error: { code: 'refused', end: 'hub', layer: 'file' } });
      expect(of(spoke)?.error?.message).toContain(`is still the tunnel of ${other}`);
    }
    expect(notices).toHaveLength(2);
    expect(await filesOf('hub', 'tokyo', 'osaka')).toEqual(before);

    const preview = await run('deploy', '--prune', '--dry-run');
    expect([preview.code, preview.recap.counts]).toMatchObject([
      0,
      { would_remove: 2, would_change: 2, unchanged: 1, failed: 0 },
    ]);
    const pruned = await run('deploy', '--prune');
    expect(pruned.code).toBe(0);
    expect(pruned.recap.counts).toMatchObject({ removed: 2, changed: 2, unchanged: 1 });
    expect((await run('verify')).code).toBe(0);
    const after = await filesOf('hub', 'tokyo', 'osaka');

    // One run took two tunnels away and made two others of the same names.
    const half = await lab.run(['rollback', 'tokyo']);
    expect(half.code).toBe(1);
    expect(half.stderr).toMatch(/gave ids to other tunnels, which go back together: .*osaka/);
    expect(await filesOf('hub', 'tokyo', 'osaka')).toEqual(after);
    expect((await run('rollback', '--dry-run')).recap).toMatchObject({
      exit_code: 0,
      counts: { would_remove: 2, would_change: 2 },
    });
    await lab.cut('osaka');
    const alone = await lab.run(['rollback', '--connect-timeout', '1']);
    await lab.heal('osaka');
    expect(alone.code).toBe(1);
    expect(alone.stderr).toContain('go back together or not at all');
    expect(await filesOf('hub', 'tokyo', 'osaka')).toEqual(after);
    const back = await run('rollback');
    expect(back.recap.tunnels.filter(({ error }) => error !== null)).toEqual([]);
    expect(back.code).toBe(0);
    expect(back.recap.counts).toMatchObject({ removed: 2, rolled_back: 2 });
    expect(back.said).toContain(`run ${pruned.recap.run}, `);
    expect(await filesOf('hub', 'tokyo', 'osaka')).toEqual(before);
    await write(original);
    expect((await run('verify')).code).toBe(0);
    expect((await run('deploy', '--prune')).recap.counts).toMatchObject({ unchanged: 3 });
    // And no run is undone twice.
    expect((await run('rollback', '--remove', '--dry-run')).said).not.toContain(pruned.recap.run);
  });

  it.each(['gateway', 'policy'])(
    'or has got another id gets its old one back by rollback, in mode %s',
    async (mode) => {
      const inMode = original.replace(/( {4})id: 1\b/, `$1id: 1\n$1mode: ${mode}`);
      await write(inMode);
      expect((await run('deploy', 'tokyo')).code).toBe(0);
      const before = await filesOf('hub', 'tokyo');
      await write(inMode.replace(/id: 1\b/, 'id: 5'));
      const moved = await run('deploy', '--prune');
      expect(moved.code).toBe(0);
      expect(moved.recap.counts).toMatchObject({ removed: 1, changed: 1, unchanged: 2 });
      const back = await run('rollback');
      expect(back.recap.tunnels.map(({ id, spoke, status }) => [id, spoke, status])).toEqual([
        [1, 'tokyo', 'rolled_back'],
        [5, 'tokyo', 'removed'],
      ]);
      expect(back.code).toBe(0);
      expect(await filesOf('hub', 'tokyo')).toEqual(before);
      expect(await remains('hub', 'vxlan05', '5')).not.toMatch(/vxlan05|ae05/);
      expect(await answers('2001:db8:ae01::1')).toBe(true);
    },
  );

  it('is not without its tunnel when a rollback cannot bring its old one back', async () => {
    await write(original.replace(/( {4})id: 1\b/, '$1id: 5\n$1vxlan: { dstport: 4999 }'));
    expect((await run('deploy', '--prune')).code).toBe(0);
    await sh('tokyo', 'ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport 4789 dir in action block');
    const { code, recap } = await run('rollback', '--verify-timeout', '1');
    await sh('tokyo', 'ip xfrm policy flush');
    expect(code).toBe(1);
    expect(recap.tunnels.map(({ id, status }) => [id, status])).toEqual([
      [1, 'reverted'],
      [5, 'reverted'],
    ]);
    expect(await answers('2001:db8:ae05::1')).toBe(true);
  });

  it('whose link alone is left does not lose its id either', async () => {
    await sh('hub', `rm ${DIRECTORY}/vxlan01`);
    await write(
      original
        .replace('  tokyo:', '  nara:')
        .replace('198.18.1.1,', '198.18.1.99,')
        .replace(/(198\.18\.1\.99, .*)/, '$1\n    ssh: { host: 198.18.1.1 }'),
    );
    const { of } = await run('deploy', 'nara');
    expect(of('nara')).toMatchObject({ status: 'failed', error: { code: 'refused', end: 'hub' } });
    expect(of('nara')?.error?.message).toContain('198.18.1.1');
  });

  it('is no matter of another fleet on the same hub, nor is that fleet’s a matter of this one', async () => {
    const other = original
      .replace('2001:db8:ae00::/40', '2001:db8:bb00::/40')
      .replace(/^ {2}(?:tokyo|osaka):\n(?: {4}.*\n)+/gm, '')
      .replace(/id: 3\b/, 'id: 0x0b');
    await writeFile(otherFleet, other);
    const deployed = await run('deploy', '-i', otherFleet);
    expect(deployed.code).toBe(0);
    expect(deployed.notices).toEqual([]);
    expect((await run('deploy', '--prune', '-i', otherFleet)).recap.counts).toMatchObject({ unchanged: 1, changed: 0 });
    const here = await run('deploy', '--prune');
    expect(here.notices).toEqual([]);
    expect(here.recap.counts).toMatchObject({ unchanged: 3, changed: 0 });
    // A rollback there is about that fleet alone, though this one was deployed later.
    expect((await run('deploy', 'tokyo', '--force')).code).toBe(0);
    expect((await run('rollback', '--remove', '-i', otherFleet)).recap.tunnels.map(({ spoke }) => spoke)).toEqual([
      'lisbon',
    ]);
    expect(await remains('hub', 'vxlan0b', 'b')).not.toMatch(/vxlan0b/);
    expect((await run('verify')).code).toBe(0);
  });

  it('cannot be pruned by a LIMIT, which is about spokes of the inventory', async () => {
    const { code, stderr } = await lab.run(['deploy', '--prune', 'tokyo']);
    expect(code).toBe(2);
    expect(stderr).toContain('--prune is about the whole fleet');
  });
});
