/** What is said of a tunnel is so: that the hub forwards, how long it was dead, what it was put back to, who has changed its file. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap, TunnelResult } from '../../src/events.js';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beginDeployed, labAvailability, startLab, type TestLab } from './harness.js';
import { expectSameKernel } from './kernel-state.js';

const unavailable = await labAvailability();

describe.skipIf(unavailable !== undefined)(`what is said of a tunnel ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let original: string;

  const run = async (...args: string[]) => {
    const { code, stdout } = await lab.run([...args, '--output', 'json']);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; level: string; message: string });
    const recap = events.at(-1) as unknown as Recap;
    const of = (spoke: string): TunnelResult => {
      const result = recap.tunnels.find((tunnel) => tunnel.spoke === spoke);
      if (result === undefined) throw new Error(`no result of ${spoke}`);
      return result;
    };
    const warnings = events.filter(({ event, level }) => event === 'notice' && level === 'warning');
    return { code, recap, of, warnings: warnings.map(({ message }) => message) };
  };
  const sh = async (host: string, script: string): Promise<string> => {
    const { code, stdout, stderr } = await lab.exec(host, ['bash', '-c', script]);
    expect({ script, code, stderr }).toEqual({ script, code: 0, stderr: '' });
    return stdout;
  };
  const edit = async (change: (text: string) => string): Promise<void> => {
    const after = change(original);
    expect(after).not.toBe(original);
    await writeFile(lab.inventoryPath, after);
  };
  const withTokyo = (line: string) => (text: string) => text.replace(/(\n {4}id: 1\b)/, `$1\n    ${line}`);
  const indexOf = async (host: string): Promise<string> => sh(host, 'cat /sys/class/net/vxlan01/ifindex');

  beforeAll(async () => {
    lab = await startLab('proof', { spokes: 2 });
    original = await readFile(lab.inventoryPath, 'utf8');
  });
  beforeEach(async () => {
    for (const host of lab.hosts) {
      await lab.heal(host);
      const underlay = 'src=$(ip -4 -o addr show dev eth0 | sed "s/.*inet \\([0-9.]*\\).*/\\1/")';
      await sh(host, `${underlay}; ip route flush root 198.18.0.0/15; ip route add 198.18.0.0/15 dev eth0 src $src`);
      await sh(host, 'nft flush ruleset; sysctl -qw net.ipv6.conf.all.forwarding=1');
    }
    await beginDeployed(lab, original);
  });
  afterAll(async () => {
    await lab?.down();
  });

  describe('that the hub forwards', () => {
    const DROP = 'nft add table ip6 t; nft add chain ip6 t f "{ type filter hook forward priority 0; policy drop; }"';

    it('is proven by one packet between two sites', async () => {
      const { code, recap, of } = await run('verify');
      expect(code).toBe(0);
      expect(recap.transit_unproven).toEqual([]);
      expect(of('tokyo').transit ?? of('osaka').transit).toMatchObject({ prefix: 'transit', ok: true });
    });

    it('fails a deploy and a verify where a firewall of the hub drops it', async () => {
      await sh('hub', DROP);
      await edit(withTokyo('vxlan: { dstport: 4790 }'));
      const deploy = await run('deploy', 'tokyo');
      expect(deploy.of('tokyo')).toMatchObject({
        status: 'reverted',
        put_back: 'answers',
        error: { end: 'hub', layer: 'forwarding' },
      });
      expect(deploy.of('tokyo').checks.every(({ ok }) => ok)).toBe(true);
      const verify = await run('verify', 'osaka');
      expect(verify.of('osaka')).toMatchObject({ status: 'failed', error: { layer: 'forwarding' } });
    });

    it('is not claimed when nobody else answers', async () => {
      await lab.cut('osaka');
      const { code, stdout } = await lab.run(['verify', 'tokyo', '--output', 'plain']);
      expect(code).toBe(0);
      expect(stdout).toContain('transit not proven: tokyo');
    });

    it('is asked of a deploy that changes nothing, too', async () => {
      await sh('hub', 'sysctl -qw net.ipv6.conf.all.forwarding=0');
      const { code, warnings } = await run('deploy');
      expect(code).toBe(0);
      expect(warnings.filter((message) => message.includes('net.ipv6.conf.all.forwarding'))).toHaveLength(1);
    });
  });

  const ROUTER =
    'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0; ip route replace 198.18.0.0/15 dev eth0 src 198.18.1.2 mtu lock 1400';

  it('warns where the outer packets are sent in pieces, with the MTU to set', async () => {
    // osaka stands between the two, and sends on what fits into 1400 bytes.
    await sh('osaka', ROUTER);
    await sh('hub', 'ip route add 198.18.1.1 via 198.18.1.2');
    await sh('tokyo', 'ip route add 198.18.0.1 via 198.18.1.2');
    for (const argv of [
      ['verify', 'tokyo'],
      ['deploy', 'tokyo', '--force'],
    ]) {
      const { code, warnings } = await run(...argv);
      expect(code).toBe(0);
      expect(warnings).toContainEqual(expect.stringContaining('set vxlan.mtu: 1350 for tokyo'));
    }
  });

  it('is refused where a route of the host carries less, and verify says the same', async () => {
    await sh('hub', 'ip route add 198.18.1.1 dev eth0 mtu lock 1400');
    const cure = { end: 'hub', hint: expect.stringContaining('Set vxlan.mtu: 1350 for tokyo') as string };
    expect((await run('deploy', 'tokyo', '--force')).of('tokyo')).toMatchObject({ status: 'failed', error: cure });
    expect((await run('verify', 'tokyo', '--verify-timeout', '1')).of('tokyo').error ?? cure).toMatchObject(cure);
    // What the kernel has learnt goes with the link.
    await sh('hub', 'ip route del 198.18.1.1; ip link del dev vxlan01');
  });

  describe('of a change that is put back', () => {
    it('is how long the tunnel was dead, with the proof that failed in it', async () => {
      await sh(
        'tokyo',
        'nft add table inet t; nft add chain inet t i "{ type filter hook input priority 0; }"; nft add rule inet t i udp dport 4999 drop',
      );
      await edit(withTokyo('vxlan: { dstport: 4999 }'));
      const { of } = await run('deploy', 'tokyo');
      expect(of('tokyo')).toMatchObject({ status: 'reverted', put_back: 'answers' });
      // Packets are waited for in that time: what was said before was the time of the bounce alone.
      expect(of('tokyo').down_ms).toBeGreaterThan(1500);
    });

    it('is that there was no tunnel before', async () => {
      await writeFile(lab.inventoryPath, original.replace(/ {2}tokyo:\n[^]*(?= {2}osaka:)/, ''));
      expect((await run('deploy', '--prune')).code).toBe(0);
      await sh(
        'tokyo',
        'nft add table inet t; nft add chain inet t i "{ type filter hook input priority 0; }"; nft add rule inet t i udp dport 4999 drop',
      );
      await edit(withTokyo('vxlan: { dstport: 4999 }'));
      const { code, stdout } = await lab.run(['deploy', 'tokyo', '--verify-timeout', '1', '--output', 'plain']);
      expect(code).toBe(1);
      expect(stdout).toContain('taken away again, there was no tunnel before');
      expect(stdout).not.toContain('down ');
    });

    it('is that a tunnel whose file somebody has removed runs again', async () => {
      await sh('tokyo', 'rm /etc/network/interfaces.d/vxlan01');
      await sh(
        'tokyo',
        'nft add table inet t; nft add chain inet t i "{ type filter hook input priority 0; }"; nft add rule inet t i udp dport 4999 drop',
      );
      await edit(withTokyo('vxlan: { dstport: 4999 }'));
      const { of, warnings } = await run('deploy', 'tokyo');
      expect(warnings).toContainEqual(expect.stringMatching(/^tokyo: .*vxlan01 was removed on the host since run /));
      expect(of('tokyo')).toMatchObject({ status: 'reverted', put_back: 'answers' });
      await sh('hub', 'ping -6 -c1 -W5 2001:db8:ae01::1');
    });
  });

  it("is put back where a template of one's own takes away what is somebody else's, and so is that", async () => {
    await sh(
      'tokyo',
      'ip link add wan type veth peer name wan1; ip link set wan up; ip link set wan1 up; ip -6 addr add 2001:db8:f::2/64 dev wan nodad',
    );
    await sh(
      'tokyo',
      'ip -6 route add default via 2001:db8:f::1 dev wan metric 600; ip -6 rule add pref 7 from 2001:db8:f::/64 lookup 7',
    );
    const own = join(lab.scratch, 'gateway.liquid');
    const stock = await readFile(fileURLToPath(new URL('../../templates/gateway.liquid', import.meta.url)), 'utf8');
    const taking = [
      'post-up ip -6 route replace default via {{ hub_address }} dev {{ interface }} metric 600',
      'post-up ip -6 rule del pref 7',
    ];
    try {
      for (const line of taking) {
        await writeFile(own, `${stock.trimEnd()}\n  ${line}\n`);
        await edit((text) => `templates: ${lab.scratch}\n${text}`);
        const result = await expectSameKernel(lab, ['hub', 'tokyo'], async () => run('deploy', 'tokyo'));
        expect(result.of('tokyo')).toMatchObject({ status: 'reverted', error: { end: 'spoke', layer: 'routes' } });
        expect(result.of('tokyo').error?.message).toMatch(/of tokyo is gone: the change has taken it away/);
      }
    } finally {
      await sh('tokyo', 'ip link del dev wan; ip -6 rule del pref 7 || true');
    }
  });

  it('names who has edited a file, in diff, verify and deploy', async () => {
    await sh('hub', 'sed -i "s/ttl 64/ttl 63/" /etc/network/interfaces.d/vxlan01');
    const words = /vxlan01 was edited on the host since run \d+T\d+-\w+/;
    expect((await run('diff', 'tokyo')).warnings).toContainEqual(expect.stringMatching(words));
    expect((await run('verify', 'tokyo')).of('tokyo').error?.message).toMatch(words);
    const { code, warnings } = await run('deploy', 'tokyo');
    expect(code).toBe(0);
    expect(warnings).toContainEqual(expect.stringMatching(words));
    expect((await run('diff', 'tokyo')).warnings).toEqual([]);
  });

  it('is known from the kernel at once, with the command that repairs it', async () => {
    await sh('tokyo', 'ip link del dev vxlan01');
    const { stdout } = await lab.run(['verify', 'tokyo', '--verify-timeout', '1000', '--output', 'json'], {
      timeoutMs: 60_000,
    });
    const recap = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap;
    expect(recap.tunnels[0]?.error).toMatchObject({ end: 'spoke', layer: 'link' });
    expect(recap.tunnels[0]?.error?.hint).toContain('vxfleet deploy tokyo');
  });

  it('is refused on a full /var, before anything is bounced', async () => {
    const before = await indexOf('tokyo');
    await sh(
      'tokyo',
      'mkdir -p /root/v; cp -a /var/lib/vxfleet/. /root/v; mount -t tmpfs -o size=512k,mode=700 tmpfs /var/lib/vxfleet; cp -a /root/v/. /var/lib/vxfleet; dd if=/dev/zero of=/var/lib/vxfleet/.filler bs=1k 2>/dev/null || true',
    );
    try {
      await edit(withTokyo('vxlan: { dstport: 4790 }'));
      const { of } = await run('deploy', 'tokyo');
      expect(of('tokyo')).toMatchObject({ status: 'failed', down_ms: null, error: { end: 'spoke', layer: 'file' } });
      expect(of('tokyo').error?.message).toContain('/var');
      expect(await indexOf('tokyo')).toBe(before);
    } finally {
      await sh('tokyo', 'umount /var/lib/vxfleet');
    }
  });

  it('is a change without a bounce where only a name changes, there and back', async () => {
    const before = [await indexOf('hub'), await indexOf('tokyo')];
    await writeFile(lab.inventoryPath, original.replace('  tokyo:\n', '  kyoto:\n'));
    expect((await run('deploy')).of('kyoto')).toMatchObject({ status: 'changed', down_ms: null });
    expect(await sh('tokyo', 'head -n 1 /etc/network/interfaces.d/vxlan01')).toContain('spoke kyoto');
    expect((await run('rollback')).of('kyoto')).toMatchObject({ status: 'rolled_back', down_ms: null });
    expect(await sh('tokyo', 'head -n 1 /etc/network/interfaces.d/vxlan01')).toContain('spoke tokyo');
    expect([await indexOf('hub'), await indexOf('tokyo')]).toEqual(before);
  });
});
