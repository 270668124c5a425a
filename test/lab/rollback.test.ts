import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { spokeName } from '../../src/lab/generate-inventory.js';
import { labAvailability, startLab, type TestLab } from './harness.js';

const unavailable = await labAvailability();

const SPOKES = Array.from({ length: 4 }, (_, index) => spokeName(index + 1));
const LAST = spokeName(4);
const DIRECTORY = '/etc/network/interfaces.d';

/** A tunnel that somebody made by hand, with bytes at its end that an editor would drop. */
const foreignStanza = (name: string, address: string, local: string, remote: string): string =>
  `# by hand\nauto ${name}\niface ${name} inet6 static\n  address ${address}/80\n  dad-attempts 0\n` +
  `  pre-up ip link add ${name} type vxlan id 77 local ${local} remote ${remote} dev eth0 dstport 4700\n` +
  `  post-down ip link del ${name}\n\n\n \t`;

describe.skipIf(unavailable !== undefined)(`vxfleet rollback ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let original: string;

  const run = async (
    ...args: string[]
  ): Promise<{ code: number | null; recap: Recap; notices: string[]; said: string }> => {
    const { code, stdout, stderr } = await lab.run([...args, '--output', 'json']);
    expect(stderr).toBe('');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; level: string; message: string });
    const noticed = events.filter(({ event }) => event === 'notice');
    const notices = noticed.filter(({ level }) => level === 'warning').map(({ message }) => message);
    // What is announced before anything is done.
    const said = noticed.find(({ level }) => level === 'info')?.message ?? '';
    return { code, recap: events.at(-1) as unknown as Recap, notices, said };
  };
  /** All that it says is about one tunnel. */
  const runOne = async (...args: string[]) => {
    const { code, recap } = await run(...args);
    const [tunnel] = recap.tunnels;
    expect(recap.tunnels).toHaveLength(1);
    return { code, status: tunnel?.status, ends: tunnel?.ends, error: tunnel?.error ?? null };
  };
  const sh = async (host: string, script: string): Promise<string> => {
    const { code, stdout, stderr } = await lab.exec(host, ['sh', '-c', script]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  /** Every file of ours and its bytes, by host. */
  const filesOf = async (...hosts: string[]): Promise<Record<string, string>> => {
    const script = `cd ${DIRECTORY}; for f in * .v*; do [ ! -f "$f" ] || { echo "$f"; base64 -w0 "$f"; echo; }; done`;
    const texts = await Promise.all(hosts.map((host) => sh(host, script)));
    return Object.fromEntries(hosts.map((host, index) => [host, texts[index] ?? '']));
  };
  const hasLink = async (host: string, name = 'vxlan01'): Promise<boolean> =>
    (await lab.exec(host, ['test', '-e', `/sys/class/net/${name}`])).code === 0;
  const write = async (text: string): Promise<void> => {
    expect(text).not.toBe(await readFile(lab.inventoryPath, 'utf8'));
    await writeFile(lab.inventoryPath, text);
  };
  /** The inventory with something more for tokyo. */
  const withTokyo = (text: string): string => original.replace(/(\n {4}id: 1\b)/, `$1\n    ${text}`);
  const withAll = (text: string): string => original.replace('spokes:', `defaults:\n  ${text}\nspokes:`);
  const deploy = async (text: string, ...args: string[]): Promise<string> => {
    await write(text);
    const { code, recap } = await run('deploy', ...args);
    expect(recap.tunnels.filter(({ error }) => error !== null)).toEqual([]);
    expect(code).toBe(0);
    return recap.run;
  };
  const writeStanza = async (host: string, name: string, text: string): Promise<void> => {
    const file = `printf %s ${Buffer.from(text).toString('base64')} | base64 -d >${DIRECTORY}/${name}`;
    await sh(host, `${file}; ifup ${name} 2>/dev/null`);
  };
  const dropPort = async (port: string): Promise<void> => {
    await sh('tokyo', `ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport ${port} dir in action block`);
  };

  beforeAll(async () => {
    lab = await startLab('rollback', { spokes: SPOKES.length });
    original = await readFile(lab.inventoryPath, 'utf8');
  });
  afterAll(async () => {
    await lab?.down();
  });

  it('has nothing to go back to before the first deploy, and says so', async () => {
    await Promise.all(['hub', ...SPOKES].map((host) => sh(host, 'rm -rf /var/lib/vxfleet')));
    const { code, stderr } = await lab.run(['rollback']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/there is nothing to go back to: the hub has kept no generation of these tunnels/);
  });

  it('puts all files of a run of several tunnels back byte for byte, and every tunnel answers', async () => {
    expect((await run('deploy')).code).toBe(0);
    const before = await filesOf('hub', ...SPOKES);
    await deploy(withAll('vxlan: { dstport: 4790, mtu: 1400 }'));
    expect(await filesOf('hub', ...SPOKES)).not.toEqual(before);

    const { code, recap } = await run('rollback');
    expect(recap.tunnels.map(({ error }) => error)).toEqual(SPOKES.map(() => null));
    expect(code).toBe(0);
    expect(recap).toMatchObject({ command: 'rollback', counts: { rolled_back: SPOKES.length } });
    expect(recap.tunnels.every(({ checks }) => checks.length === 6 && checks.every(({ ok }) => ok))).toBe(true);
    expect(await filesOf('hub', ...SPOKES)).toEqual(before);
    await write(original);
    expect((await run('verify')).recap.counts).toMatchObject({ unchanged: SPOKES.length });
    expect((await run('deploy')).recap.counts).toMatchObject({ unchanged: SPOKES.length });
  });

  it('undoes run after run, each at all its tunnels, and says first which one it is', async () => {
    const before = await filesOf('hub', ...SPOKES);
    const all = await deploy(withAll('vxlan: { dstport: 4790 }'));
    const between = await filesOf('hub', ...SPOKES);
    const one = await deploy(withAll('vxlan: { dstport: 4790 }').replace(/(\n {4}id: 1\b)/, '$1\n    metric: 700'));

    const last = await run('rollback');
    expect(last.said).toMatch(new RegExp(`^run ${one}, \`deploy .*\` of .*@.* at .*Z, is undone: tokyo vxlan01$`));
    expect(last.recap).toMatchObject({ exit_code: 0, counts: { rolled_back: 1 } });
    expect(await filesOf('hub', ...SPOKES)).toEqual(between);
    const preview = await lab.run(['rollback', '--dry-run', '--output', 'plain']);
    expect(preview.stderr).toMatch(
      new RegExp(`^notice: run ${all}, .* would be undone: tokyo vxlan01, osaka vxlan02, `, 'm'),
    );
    const first = await run('rollback');
    expect(first.said).toContain(`run ${all}, `);
    expect(first.recap).toMatchObject({ exit_code: 0, counts: { rolled_back: SPOKES.length } });
    expect(await filesOf('hub', ...SPOKES)).toEqual(before);
    await write(original);
    expect((await run('verify')).code).toBe(0);
  });

  it('stays with a run of which a tunnel could not be put back, names it, and does not exit with 0', async () => {
    const both = await deploy(withTokyo('metric: 700').replace(/(\n {4}id: 2\b)/, '$1\n    metric: 700'));
    await lab.cut('osaka');
    const { code, recap } = await run('rollback', '--connect-timeout', '1');
    await lab.heal('osaka');
    expect(code).toBe(1);
    expect(recap.tunnels.map(({ spoke, status }) => [spoke, status])).toEqual([
      ['tokyo', 'rolled_back'],
      ['osaka', 'unreachable'],
    ]);
    const again = await run('rollback');
    expect(again.said).toContain(`run ${both}, `);
    expect(again.recap.tunnels.map(({ spoke, status }) => [spoke, status])).toEqual([['osaka', 'rolled_back']]);
    await write(original);
    expect((await run('deploy')).recap.counts).toMatchObject({ unchanged: SPOKES.length });
  });

  it('shows with --dry-run what it would change, and changes nothing', async () => {
    await deploy(withTokyo('metric: 600'), 'tokyo');
    const before = await filesOf('hub', 'tokyo');
    const records = await sh('hub', 'ls /var/lib/vxfleet/*');
    const { code, stdout } = await lab.run(['rollback', '--dry-run', '--output', 'plain']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^-.* metric 600$/m);
    expect(stdout).toMatch(/^\+.* metric 512$/m);
    expect(stdout).toMatch(/^1 tunnel: 1 would change/m);
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    expect(await sh('hub', 'ls /var/lib/vxfleet/*')).toBe(records);
  });

  it('goes one step further back each time, past a run that changed one end only', async () => {
    // Two files on the spoke alone differ by now: metrics 512 and 600.
    const first = await filesOf('hub', 'tokyo');
    await deploy(withTokyo('vxlan: { dstport: 4791 }'), 'tokyo');
    const second = await filesOf('hub', 'tokyo');
    await sh('hub', 'ip link del dev vxlan01');
    expect(await runOne('deploy', 'tokyo')).toMatchObject({ ends: { hub: 'changed', spoke: 'unchanged' } });

    expect(await runOne('rollback')).toMatchObject({ code: 0, status: 'unchanged' });
    expect(await filesOf('hub', 'tokyo')).toEqual(second);
    expect(await runOne('rollback')).toMatchObject({ code: 0, status: 'rolled_back' });
    expect(await filesOf('hub', 'tokyo')).toEqual(first);
    expect(await runOne('rollback')).toMatchObject({ code: 0, ends: { hub: 'unchanged', spoke: 'rolled_back' } });
    expect(first['tokyo']).not.toBe((await filesOf('tokyo'))['tokyo']);
    expect((await lab.exec('hub', ['ping', '-6', '-c1', '-W2', '2001:db8:ae01::1'])).code).toBe(0);
  });

  it('goes to any run that is kept with --to, and names the kept ones when there is no such run', async () => {
    const run4792 = await deploy(withTokyo('vxlan: { dstport: 4792 }'), 'tokyo');
    const then = await filesOf('hub', 'tokyo');
    await deploy(withTokyo('vxlan: { dstport: 4793 }'), 'tokyo');
    expect(await runOne('rollback', '--to', run4792)).toMatchObject({ code: 0, status: 'rolled_back' });
    expect(await filesOf('hub', 'tokyo')).toEqual(then);
    const unknown = await lab.run(['rollback', '--to', '20200101T000000-000000']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('no generation of run 20200101T000000-000000 is kept');
    expect(unknown.stderr).toContain(run4792);
    await write(original);
    expect((await run('deploy')).code).toBe(0);
  });

  it('puts both ends back as they were when the old files cannot be proven, with exit code 1', async () => {
    await deploy(withTokyo('vxlan: { dstport: 4999 }'), 'tokyo');
    await deploy(original, 'tokyo');
    const before = await filesOf('hub', 'tokyo');
    await dropPort('4999');
    const { code, status, ends } = await runOne('rollback', 'tokyo', '--verify-timeout', '1');
    await sh('tokyo', 'ip xfrm policy flush');
    expect({ code, status, ends }).toEqual({
      code: 1,
      status: 'reverted',
      ends: { hub: 'reverted', spoke: 'reverted' },
    });
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    expect((await lab.exec('hub', ['ping', '-6', '-c1', '-W2', '2001:db8:ae01::1'])).code).toBe(0);
  });

  it('brings back a file that was edited by hand, and then, one step further, what was there before the edit', async () => {
    const before = await filesOf('hub', 'tokyo');
    await sh('tokyo', `printf '# mine, without a line break' >>${DIRECTORY}/vxlan01`);
    const edited = await filesOf('hub', 'tokyo');
    expect((await runOne('deploy', 'tokyo')).ends).toEqual({ hub: 'unchanged', spoke: 'changed' });
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    expect(await runOne('rollback')).toMatchObject({ code: 0, status: 'rolled_back' });
    expect(await filesOf('hub', 'tokyo')).toEqual(edited);
    expect(await runOne('rollback')).toMatchObject({ code: 0, ends: { hub: 'unchanged', spoke: 'rolled_back' } });
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    const found = /before-\S+/.exec((await lab.run(['history', 'tokyo'])).stdout)?.[0] ?? '';
    expect(await runOne('rollback', '--to', found)).toMatchObject({ code: 0, status: 'rolled_back' });
    expect(await filesOf('hub', 'tokyo')).toEqual(edited);
    expect(await runOne('deploy', 'tokyo')).toMatchObject({ code: 0, status: 'changed' });
  });

  it('brings an adopted tunnel back as somebody made it', async () => {
    await sh('hub', 'ifdown vxlan01 2>/dev/null');
    await sh('tokyo', 'ifdown vxlan01 2>/dev/null');
    const [hub, tokyo] = ['198.18.0.1', '198.18.1.1'];
    await writeStanza('hub', 'vxlan01', foreignStanza('vxlan01', '2001:db8:1::1', hub, tokyo));
    await writeStanza('tokyo', 'vxlan01', foreignStanza('vxlan01', '2001:db8:1::2', tokyo, hub));
    const foreign = await filesOf('hub', 'tokyo');
    expect(await runOne('deploy', 'tokyo')).toMatchObject({ code: 1, error: { code: 'refused', layer: 'file' } });
    expect(await runOne('deploy', 'tokyo', '--adopt')).toMatchObject({ code: 0, status: 'changed' });

    expect(await runOne('rollback')).toMatchObject({ code: 0, status: 'rolled_back' });
    expect(await filesOf('hub', 'tokyo')).toEqual(foreign);
    expect((await lab.exec('hub', ['ping', '-6', '-c1', '-W2', '2001:db8:1::2'])).code).toBe(0);
    expect((await run('deploy', 'tokyo', '--adopt')).code).toBe(0);
  });

  it('brings back a file that is not UTF-8, byte for byte', async () => {
    expect((await run('deploy')).code).toBe(0);
    await sh('tokyo', `printf '# B\\374ro, M\\374nchen?\\n' >>${DIRECTORY}/vxlan01`);
    const edited = await filesOf('hub', 'tokyo');
    expect(await runOne('deploy', 'tokyo')).toMatchObject({ code: 0, ends: { hub: 'unchanged', spoke: 'changed' } });
    expect(await runOne('rollback')).toMatchObject({ code: 0, ends: { spoke: 'rolled_back' } });
    expect(await filesOf('hub', 'tokyo')).toEqual(edited);
    expect((await run('deploy', 'tokyo')).code).toBe(0);
    // As somebody's own, too, and with every byte there is but zero.
    await sh('tokyo', 'ifdown vxlan01');
    const bytes = Array.from({ length: 127 }, (_, index) => `\\${(index + 128).toString(8)}`).join('');
    await sh('tokyo', `printf '# by hand: ${bytes}\\niface vxlan01 inet6 manual\\n' >${DIRECTORY}/vxlan01`);
    const foreign = await filesOf('hub', 'tokyo');
    expect(await runOne('deploy', 'tokyo', '--adopt')).toMatchObject({ code: 0, status: 'changed' });
    // Nothing answers there, so it can only be shown that it is kept whole.
    const kept = await sh(
      'tokyo',
      `tail -c +1 "$(ls -d /var/lib/vxfleet/vxlan01/*.found.* | tail -n 1)" | sed '1,/^$/d' | base64 -w0`,
    );
    expect(foreign['tokyo']).toContain(kept);
    expect((await run('rollback', 'tokyo', '--dry-run')).recap.tunnels[0]?.error?.message ?? '').not.toContain(
      'damaged',
    );
  });

  it('brings back a file that somebody had made at the hub alone', async () => {
    await Promise.all(
      ['hub', LAST].map((host) => sh(host, 'ifdown vxlan04 2>/dev/null; rm -rf /var/lib/vxfleet/vxlan04')),
    );
    await sh(LAST, `rm ${DIRECTORY}/vxlan04`);
    await writeStanza('hub', 'vxlan04', foreignStanza('vxlan04', '2001:db8:4::1', '198.18.0.1', '198.18.1.4'));
    const before = await filesOf('hub', LAST);
    expect(await runOne('deploy', LAST, '--adopt')).toMatchObject({ code: 0, status: 'changed' });
    expect(await runOne('rollback')).toMatchObject({ code: 0, status: 'rolled_back' });
    expect(await filesOf('hub', LAST)).toEqual(before);
    expect([await hasLink('hub', 'vxlan04'), await hasLink(LAST, 'vxlan04')]).toEqual([true, false]);
    expect((await run('deploy', LAST, '--adopt')).code).toBe(0);
  });

  it('removes a tunnel from both ends before its first deploy, proven, with the rules of its mode too', async () => {
    await Promise.all(
      ['hub', 'lisbon'].map((host) => sh(host, `ifdown vxlan03; rm -rf /var/lib/vxfleet/vxlan03 ${DIRECTORY}/vxlan03`)),
    );
    expect((await runOne('deploy', 'lisbon')).status).toBe('changed');
    expect(await sh('lisbon', 'ip -6 rule; ip -6 route show table 30003')).toContain('30003');
    // The inventory has it.
    const unasked = await lab.run(['rollback']);
    expect(unasked.code).toBe(1);
    expect(unasked.stderr).toContain('would leave without a tunnel what is in the inventory: lisbon (vxlan03)');
    expect(await hasLink('lisbon', 'vxlan03')).toBe(true);
    expect(await runOne('rollback', '--remove', '--dry-run')).toMatchObject({
      status: 'would_remove',
      ends: { hub: 'would_remove', spoke: 'would_remove' },
    });
    expect(await runOne('rollback', '--remove')).toMatchObject({
      status: 'removed',
      ends: { hub: 'removed', spoke: 'removed' },
    });
    for (const host of ['hub', 'lisbon']) {
      expect((await lab.exec(host, ['test', '-e', `${DIRECTORY}/vxlan03`])).code).toBe(1);
      expect(await hasLink(host, 'vxlan03')).toBe(false);
      expect(await sh(host, 'ip -6 rule; ip -6 route show table all')).not.toMatch(/30003|vxlan03|ae03/);
    }
    expect(await sh('lisbon', 'ip -6 rule')).not.toMatch(/^200/m);
    const again = await lab.run(['rollback', 'lisbon']);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('these tunnels are as they were before vxfleet changed them');
    await lab.reboot('lisbon');
    expect(await hasLink('lisbon', 'vxlan03')).toBe(false);
    // A removal is a generation like any other.
    const history = await lab.run(['history', 'lisbon']);
    expect(history.stdout).toMatch(/ removed, back to before the first deploy\n/);
    expect((await runOne('deploy', 'lisbon')).status).toBe('changed');
    expect((await runOne('rollback', 'lisbon', '--remove')).code).toBe(0);
    expect(await hasLink('hub', 'vxlan03')).toBe(false);
    expect((await runOne('deploy', 'lisbon')).status).toBe('changed');
  });

  it('finds the tunnel of a spoke that got another name', async () => {
    const before = await filesOf('hub', 'tokyo');
    await write(original.replace('  tokyo:', '  kyoto:'));
    expect(await runOne('deploy', 'kyoto')).toMatchObject({ code: 0, status: 'changed' });
    expect(await filesOf('hub', 'tokyo')).not.toEqual(before);
    const { code, recap } = await run('rollback', 'kyoto');
    expect([code, recap.tunnels.map(({ spoke, status }) => [spoke, status])]).toEqual([0, [['kyoto', 'rolled_back']]]);
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
  });

  it('judges the device of then, when the one of now is another or has gone', async () => {
    await deploy(original, 'tokyo');
    const before = await filesOf('hub', 'tokyo');
    await sh(
      'tokyo',
      `ip link add link eth0 name mv0 mtu 1400 type macvlan; ip addr add 198.18.200.2/32 dev mv0; ip link set mv0 up
      ip route add 198.18.0.0/15 dev mv0 table 100; ip rule add from 198.18.200.2 lookup 100`,
    );
    await write(
      original.replace(
        /underlay: \{ address: 198\.18\.1\.1, device: eth0 \}/,
        'underlay: { address: 198.18.200.2, device: mv0, hotplug: true }\n    vxlan: { mtu: 1350 }\n    ssh: { host: 198.18.1.1 }',
      ),
    );
    const unwatched = 'a device comes and goes';
    const changed = await lab.run(['deploy', 'tokyo', '--output', 'plain'], { unwatched });
    expect(changed).toMatchObject({ code: 0, stdout: expect.stringContaining('1 changed') });
    await sh('tokyo', 'ip rule del from 198.18.200.2; ip link del mv0');
    const back = await lab.run(['rollback', 'tokyo', '--output', 'plain'], { unwatched });
    expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining('1 rolled back') });
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    await write(original);
    expect((await run('verify', 'tokyo')).code).toBe(0);
  });

  it('undoes a bounce by force', async () => {
    const before = await filesOf('hub', 'tokyo');
    expect(await runOne('deploy', 'tokyo', '--force')).toMatchObject({ status: 'changed' });
    expect(await runOne('rollback')).toMatchObject({ code: 0, status: 'unchanged' });
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
  });

  it('reads on another controller what this one did, and skips a generation that was edited', async () => {
    await deploy(withTokyo('vxlan: { dstport: 4795 }'), 'tokyo');
    const before = await filesOf('hub', 'tokyo');
    await deploy(original, 'tokyo');
    await sh(
      'tokyo',
      `f=$(ls -d /var/lib/vxfleet/vxlan01/*.confirmed.* | tail -n 2 | head -n 1); sed -i s/4795/4796/ "$f"`,
    );
    const { code, recap, notices } = await run('rollback', 'tokyo');
    expect(code).toBe(1);
    expect(recap.tunnels[0]).toMatchObject({ status: 'failed', error: { code: 'refused' } });
    expect(recap.tunnels[0]?.error?.message).toContain('would not belong together');
    expect(notices).toEqual([expect.stringMatching(/^tokyo: .* is damaged \(.*\): skipped$/)]);

    await deploy(withTokyo('vxlan: { dstport: 4795 }'), 'tokyo');
    await deploy(original, 'tokyo');
    // Nothing of the first controller but its keys: the state is the hosts' alone.
    const env = { USER: 'bob', SUDO_USER: 'bob' };
    const other = await lab.run(['rollback', 'tokyo', '--output', 'json'], { env, cwd: '/' });
    expect(other.code).toBe(0);
    expect(await filesOf('hub', 'tokyo')).toEqual(before);
    expect((await lab.run(['history', 'tokyo'])).stdout.split('\n')[1]).toMatch(/ bob@/);
  });

  it('is refused for the hub alone', async () => {
    const { code, stderr } = await lab.run(['rollback', 'hub']);
    expect(code).toBe(2);
    expect(stderr).toContain('a rollback puts back both ends');
  });
});
