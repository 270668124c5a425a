import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { labAvailability, startLab, type TestLab } from './harness.js';
import { expectSameKernel } from './kernel-state.js';

const unavailable = await labAvailability();

const SPOKES = 5;

/** The recap of a run with `--output json`: the last line. */
function recapOf(stdout: string): Recap {
  const last = stdout.trim().split('\n').at(-1) ?? '';
  return JSON.parse(last) as Recap;
}

async function ifindexes(lab: TestLab, host: string): Promise<Record<string, string>> {
  const script = 'cd /sys/class/net; for i in vxlan*; do echo "$i $(cat "$i/ifindex")"; done';
  const { stdout } = await lab.exec(host, ['sh', '-c', script]);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
}

async function files(lab: TestLab, host: string): Promise<string> {
  const { stdout } = await lab.exec(host, [
    'sh',
    '-c',
    'cd /etc/network/interfaces.d; ls -la --time-style=+; head -c 100000 ./* .v* 2>/dev/null',
  ]);
  return stdout;
}

describe.skipIf(unavailable !== undefined)(`deploying a fleet ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let original: string;
  const deploy = async (...args: string[]): Promise<{ code: number | null; recap: Recap }> => {
    const { code, stdout, stderr } = await lab.run(['deploy', '--output', 'json', ...args]);
    expect(stderr).toBe('');
    return { code, recap: recapOf(stdout) };
  };
  const edit = async (change: (text: string) => string): Promise<void> => {
    const before = await readFile(lab.inventoryPath, 'utf8');
    const after = change(before);
    expect(after).not.toBe(before);
    await writeFile(lab.inventoryPath, after);
  };

  /** A firewall on tokyo that drops this UDP port: a trial on it comes up and stays silent. */
  const dropPort = async (port: string): Promise<void> => {
    const policy = `ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport ${port} dir in action block`;
    expect(await lab.exec('tokyo', policy.split(' '))).toMatchObject({ code: 0 });
  };

  beforeAll(async () => {
    lab = await startLab('deploy', { spokes: SPOKES });
    original = await readFile(lab.inventoryPath, 'utf8');
  });
  afterAll(async () => {
    await lab?.down();
  });

  it('brings every tunnel up, proven from both ends', async () => {
    const { code, recap } = await deploy();
    expect(recap.tunnels.map((tunnel) => tunnel.error)).toEqual(Array(SPOKES).fill(null));
    expect(code).toBe(0);
    expect(recap.counts).toMatchObject({ changed: SPOKES });
    for (const tunnel of recap.tunnels) {
      expect(tunnel.checks).toHaveLength(6);
      expect(tunnel.checks.every((check) => check.ok && check.bytes === 1450)).toBe(true);
      expect(tunnel.ends).toEqual({ hub: 'changed', spoke: 'changed' });
    }
  });

  it('changes nothing the second time', async () => {
    const before = { indexes: await ifindexes(lab, 'hub'), files: await files(lab, 'hub') };
    const { code, recap } = await deploy();
    expect(code).toBe(0);
    expect(recap.counts).toMatchObject({ changed: 0, unchanged: SPOKES });
    expect({ indexes: await ifindexes(lab, 'hub'), files: await files(lab, 'hub') }).toEqual(before);
  });

  it('bounces only the tunnel that changed, and the others lose no packet', async () => {
    const before = await ifindexes(lab, 'hub');
    expect(Object.keys(before)).toHaveLength(SPOKES);
    const others = Object.keys(before).filter((name) => name !== 'vxlan02');
    const pings = await Promise.all(
      others.map((name) => {
        const id = Number.parseInt(name.slice(5), 16).toString(16);
        return lab.spawnExec('hub', ['ping', '-6', '-n', '-q', '-i', '0.01', `2001:db8:ae00:0:${id}::2`]);
      }),
    );
    await edit((text) => text.replace(/(\n {4}id: 2\b)/, '$1\n    vxlan: { dstport: 4790 }'));
    const { code, recap } = await deploy();
    const summaries = await Promise.all(pings.map((ping) => ping.stop('SIGINT')));
    expect(code).toBe(0);
    expect(recap.counts).toMatchObject({ changed: 1, unchanged: SPOKES - 1 });
    const after = await ifindexes(lab, 'hub');
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(['vxlan02']);
    for (const { stdout } of summaries) expect(stdout).toMatch(/ 0% packet loss/);
  });

  it('repairs a tunnel whose live state drifted though its file is the same', async () => {
    await lab.exec('hub', ['ip', 'link', 'del', 'dev', 'vxlan01']);
    const diff = await lab.run(['diff', '--output', 'plain', '--exit-code']);
    expect(diff.code).toBe(4);
    expect(diff.stdout).toContain('vxlan01 does not exist');
    const { code, recap } = await deploy();
    expect(code).toBe(0);
    expect(recap.counts).toMatchObject({ changed: 1 });
    expect(recap.tunnels[0]).toMatchObject({ status: 'changed', ends: { hub: 'changed', spoke: 'unchanged' } });
  });

  it('repairs a tunnel that ifupdown has forgotten, which no ifdown would take down any more', async () => {
    await lab.exec('hub', ['sed', '-i', '/^vxlan01=/d', '/run/network/ifstate']);
    const diff = await lab.run(['diff', '--output', 'plain', '--exit-code']);
    expect(diff.code).toBe(4);
    expect(diff.stdout).toContain('ifupdown does not know it');
    expect((await deploy()).recap.tunnels[0]).toMatchObject({ ends: { hub: 'changed', spoke: 'unchanged' } });
    expect((await lab.exec('hub', ['cat', '/run/network/ifstate'])).stdout).toContain('vxlan01=vxlan01');
  });

  it('undoes on both ends what it cannot prove, and the old tunnel answers', async () => {
    const before = { hub: await files(lab, 'hub'), tokyo: await files(lab, 'tokyo') };
    await dropPort('4999');
    await edit((text) => text.replace(/(\n {4}id: 1\b)/, '$1\n    vxlan: { dstport: 4999 }'));
    const { code, recap } = await deploy('--verify-timeout', '2');
    expect(code).toBe(1);
    expect(recap.tunnels[0]).toMatchObject({
      status: 'reverted',
      ends: { hub: 'reverted', spoke: 'reverted' },
      error: { code: 'verify' },
    });
    expect({ hub: await files(lab, 'hub'), tokyo: await files(lab, 'tokyo') }).toEqual(before);
    await lab.exec('tokyo', ['ip', 'xfrm', 'policy', 'flush']);
    expect((await lab.exec('hub', ['ping', '-6', '-c1', '-W2', '2001:db8:ae01::1'])).code).toBe(0);
    expect((await lab.exec('hub', ['sh', '-c', 'ls /run/vxfleet'])).stdout).toBe('');
    await edit((text) => text.replace('\n    vxlan: { dstport: 4999 }', ''));
  });

  it('deploys the others when one spoke cannot be reached, and catches up later', async () => {
    await lab.cut('tokyo');
    await edit((text) => text.replace(/(\n {4}id: 3\b)/, '$1\n    vxlan: { dstport: 4791 }'));
    const cut = await deploy();
    expect(cut.code).toBe(1);
    expect(cut.recap.counts).toMatchObject({ unreachable: 1, changed: 1, unchanged: SPOKES - 2 });
    expect(cut.recap.tunnels[0]?.error).toMatchObject({ code: 'connect', end: 'spoke', layer: 'ssh' });
    await lab.heal('tokyo');
    expect((await deploy()).recap.counts).toMatchObject({ unchanged: SPOKES });
  });

  it('comes up by itself after a reboot of every host, in the kernel exactly as it was', async () => {
    const hosts = ['hub', ...(await deploy()).recap.tunnels.map(({ spoke }) => spoke)];
    await expectSameKernel(lab, hosts, async () => {
      for (const host of hosts) await lab.reboot(host);
    });
    const { code, stdout } = await lab.run(['verify', '--output', 'json']);
    expect(recapOf(stdout).tunnels.flatMap(({ error }) => error ?? [])).toEqual([]);
    expect(code).toBe(0);
  });

  it('stops after a canary that failed, and touches none of the rest', async () => {
    const before = await ifindexes(lab, 'hub');
    await edit(() => original.replace('spokes:', 'defaults:\n  vxlan: { dstport: 4800 }\nspokes:'));
    // vxlan01 is the first: its candidate cannot come up while another link has its VNI and port.
    await lab.exec('hub', [
      'ip',
      'link',
      'add',
      'other',
      'type',
      'vxlan',
      'id',
      '1',
      'dstport',
      '4800',
      'remote',
      '198.18.9.9',
      'dev',
      'eth0',
    ]);
    const { code, recap } = await deploy('--canary', '1');
    await lab.exec('hub', ['ip', 'link', 'del', 'other']);
    expect(code).toBe(1);
    expect(recap.counts).toMatchObject({ failed: 1, skipped: SPOKES - 1 });
    expect(recap.tunnels[0]?.error?.message).toContain('other');
    expect(await ifindexes(lab, 'hub')).toEqual(before);
  });

  it('stops starting tunnels past --max-fail, to which a spoke that cannot be reached does not count', async () => {
    await edit(() => original.replace('spokes:', 'defaults:\n  vxlan: { dstport: 4801 }\nspokes:'));
    const names = (await lab.run(['inventory', '--output', 'json'])).stdout;
    const spokes = [...names.matchAll(/"spoke": "([^"]+)"/g)].map(([, name]) => name ?? '');
    const unfit = spokes.slice(2, 4);
    await lab.cut('tokyo');
    for (const host of unfit) await lab.exec(host, ['mount', '--bind', '-o', 'ro', '/etc', '/etc']);
    for (const host of unfit) await lab.exec(host, ['mount', '-o', 'remount,bind,ro', '/etc']);
    const { code, recap } = await deploy('--max-fail', '1', '--forks', '1');
    await lab.heal('tokyo');
    for (const host of unfit) await lab.exec(host, ['umount', '/etc']);
    expect(code).toBe(1);
    expect(recap.counts).toMatchObject({ unreachable: 1, changed: 1, failed: 2, skipped: SPOKES - 4 });
  });

  it('works on one tunnel alone when it is named, and bounces it by force', async () => {
    await edit(() => original);
    await deploy();
    const before = await ifindexes(lab, 'hub');
    const { recap } = await deploy('tokyo', '--force');
    expect(recap.tunnels).toHaveLength(1);
    expect(recap.tunnels[0]).toMatchObject({
      spoke: 'tokyo',
      status: 'changed',
      ends: { hub: 'changed', spoke: 'changed' },
    });
    const after = await ifindexes(lab, 'hub');
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(['vxlan01']);
  });

  it('puts back what is in trial on Ctrl-C and exits with 130', async () => {
    const before = await files(lab, 'hub');
    await dropPort('4998');
    await edit((text) => text.replace(/(\n {4}id: 1\b)/, '$1\n    vxlan: { dstport: 4998 }'));
    const interrupt = new AbortController();
    const run = lab.run(['deploy', 'tokyo', '--output', 'json', '--verify-timeout', '20'], {
      interrupt: interrupt.signal,
    });
    while ((await lab.exec('tokyo', ['test', '-e', '/run/vxfleet/vxlan01/armed'])).code !== 0) await sleep(50);
    await sleep(300);
    interrupt.abort();
    const { code, stdout } = await run;
    expect(code).toBe(130);
    expect(recapOf(stdout).tunnels[0]).toMatchObject({ status: 'reverted' });
    expect(await files(lab, 'hub')).toBe(before);
    await lab.exec('tokyo', ['ip', 'xfrm', 'policy', 'flush']);
    await edit(() => original);
    expect((await deploy()).recap.counts).toMatchObject({ unchanged: SPOKES });
  });

  it('refuses an interface file that it did not write, and takes it over when told to', async () => {
    const foreign = 'auto vxlan01\niface vxlan01 inet manual\n  pre-up true\n';
    await lab.exec('hub', [
      'sh',
      '-c',
      `cp /etc/network/interfaces.d/vxlan01 /root/kept; printf '${foreign}' > /etc/network/interfaces.d/vxlan01`,
    ]);
    const refused = await deploy();
    expect(refused.code).toBe(1);
    expect(refused.recap.tunnels[0]).toMatchObject({
      status: 'failed',
      error: { code: 'refused', end: 'hub', layer: 'file' },
    });
    expect((await lab.exec('hub', ['cat', '/etc/network/interfaces.d/vxlan01'])).stdout).toBe(foreign);
    const adopted = await deploy('--adopt');
    expect(adopted.recap.tunnels[0]).toMatchObject({ status: 'changed' });
    const kept = await lab.exec('hub', ['sh', '-c', 'cat /var/lib/vxfleet/vxlan01/*.found.*']);
    expect(kept.stdout.endsWith(`file present\n\n${foreign}`)).toBe(true);
  });

  it('refuses a host whose key is unknown, and contacts it no further', async () => {
    const { code, stdout } = await lab.run(['deploy', '--output', 'json', '--known-hosts', '/dev/null']);
    expect(code).toBe(1);
    const [tunnel] = recapOf(stdout).tunnels;
    expect(tunnel).toMatchObject({ status: 'unreachable', error: { code: 'host-key' } });
    expect(tunnel?.error?.message).toMatch(/SHA256:/);
  });
});
