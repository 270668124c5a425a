/** Hosts whose ifup is another one's than ifupdown's, with Debian's own packages. What was found out about each: docs/ifupdown.md. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { beginDeployed, imageChoices, labAvailability, startLab, until, type TestLab } from './harness.js';

const unavailable = await labAvailability();
const isFull = process.env['VXFLEET_TESTS'] === 'full';

const INVENTORY = `prefix: 2001:db8:ae00::/40
hub:
  underlay: { address: 198.18.0.1, device: eth0 }
spokes:
  tokyo:
    id: 1
    underlay: { address: 198.18.1.1, device: eth0 }
  osaka:
    id: 2
    mode: policy
    underlay: { address: 198.18.1.2, device: eth0 }
  nara:
    id: 3
    underlay: { address: 198.18.1.3, device: eth0 }
`;
const LIVE = '/etc/network/interfaces.d/vxlan01';

/** What the tests do with a lab. */
function handle(lab: TestLab) {
  /** As root on a host; must succeed. */
  const on = async (host: string, script: string): Promise<string> => {
    const outcome = await lab.exec(host, ['bash', '-euc', script]);
    expect({ script, ...outcome }).toMatchObject({ code: 0 });
    return outcome.stdout;
  };
  return {
    on,
    run: async (...args: string[]): Promise<{ code: number | null; recap: Recap }> => {
      const { code, stdout } = await lab.run([...args, '--output', 'json']);
      return { code, recap: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap };
    },
    change: async (spoke: string, text: string): Promise<void> =>
      writeFile(lab.inventoryPath, INVENTORY.replace(`  ${spoke}:\n`, `  ${spoke}:\n    ${text}\n`)),
    /** A firewall on a spoke: a trial on this port comes up and is never proven. */
    dropPort: async (host: string, port: number): Promise<void> => {
      await on(host, `ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport ${port} dir in action block`);
    },
    indexOf: async (host: string, name: string): Promise<string> => on(host, `cat /sys/class/net/${name}/ifindex`),
    isArmed: async (): Promise<boolean> =>
      (await lab.exec('tokyo', ['test', '-e', '/run/vxfleet/vxlan01/armed'])).code === 0,
    answers: async (): Promise<boolean> =>
      (await lab.exec('hub', ['ping', '-6', '-c1', '-W1', '2001:db8:ae01::1'])).code === 0,
    /** Trials, candidates and processes of ours on the two ends of tokyo's tunnel. */
    isClean: async (): Promise<boolean> => {
      const script =
        'ls -A /run/vxfleet; ls -A /etc/network/interfaces.d | grep "^\\."; pgrep -af "^[v]xfleet: |[i]fup" || true';
      const outcomes = await Promise.all(['hub', 'tokyo'].map((host) => lab.exec(host, ['sh', '-c', script])));
      return outcomes.every(({ stdout }) => stdout === '');
    },
  };
}

const debians = isFull ? ['machine', 'trixie'] : ['machine'];
describe.skipIf(unavailable !== undefined).each(debians)(
  `hosts with ifupdown2, on %s ${unavailable ?? ''}`,
  (debian) => {
    let lab: TestLab;
    let host: ReturnType<typeof handle>;
    let scratch: string;

    beforeAll(async () => {
      // One spoke has classic ifupdown: each end gets a file of its own kind.
      const images = imageChoices(`${debian}+ifupdown2`, 'nara=machine');
      lab = await startLab('ifupdown2', { inventoryText: INVENTORY, images });
      host = handle(lab);
      scratch = join(lab.scratch, 'templates');
    });
    beforeEach(async () => {
      await beginDeployed(lab, INVENTORY);
    });
    afterEach(async () => {
      for (const name of ['tokyo', 'osaka']) await host.on(name, 'ip xfrm policy flush');
    });
    afterAll(async () => {
      await rm(scratch, { recursive: true, force: true });
      await lab?.down();
    });

    it('have the real one, and files made for it, beside a spoke with ifupdown', async () => {
      expect(await host.on('hub', 'readlink -f /sbin/ifup')).toBe('/usr/share/ifupdown2/__main__.py\n');
      expect(await host.on('hub', `cat ${LIVE}`)).toContain('iface vxlan01 inet6 manual\n  mtu 1450\n');
      expect(await host.on('hub', 'cat /etc/network/interfaces.d/vxlan03')).toContain('iface vxlan03 inet6 manual\n');
      expect(await host.on('nara', 'cat /etc/network/interfaces.d/vxlan03')).toContain('  no-scripts\n');
      expect(await host.run('verify')).toMatchObject({ code: 0, recap: { counts: { unchanged: 3 } } });
      const { stdout } = await lab.run(['render', 'tokyo', '--ifupdown2']);
      expect(stdout).toContain(await host.on('tokyo', `cat ${LIVE}`));
    });

    it('are left alone when nothing has changed', async () => {
      const before = await host.indexOf('tokyo', 'vxlan01');
      expect(await host.run('deploy')).toMatchObject({ code: 0, recap: { counts: { unchanged: 3 } } });
      expect(await host.indexOf('tokyo', 'vxlan01')).toBe(before);
    });

    it('take a change on both ends, only on the tunnel that changed, and a rollback of it', async () => {
      const others = [await host.indexOf('hub', 'vxlan02'), await host.indexOf('hub', 'vxlan03')];
      const old = await host.on('tokyo', `cat ${LIVE}`);
      await host.change('tokyo', 'vxlan: { mtu: 1400, vni: 1010 }');
      const { code, recap } = await host.run('deploy');
      expect(code).toBe(0);
      expect(recap.counts).toMatchObject({ changed: 1, unchanged: 2 });
      expect(recap.tunnels.find(({ spoke }) => spoke === 'tokyo')?.checks).toHaveLength(6);
      expect(await host.on('tokyo', 'ip -d link show vxlan01')).toMatch(/mtu 1400 [^]* vxlan id 1010 /);
      expect(await host.run('rollback', 'tokyo')).toMatchObject({ code: 0 });
      expect(await host.on('tokyo', `cat ${LIVE}`)).toBe(old);
      expect(await host.on('tokyo', 'ip -d link show vxlan01')).toMatch(/mtu 1450 [^]* vxlan id 1 /);
      expect([await host.indexOf('hub', 'vxlan02'), await host.indexOf('hub', 'vxlan03')]).toEqual(others);
    });

    it('put a change back that cannot be proven', async () => {
      await host.dropPort('tokyo', 4999);
      await host.change('tokyo', 'vxlan: { dstport: 4999 }');
      const { code, recap } = await host.run('deploy', 'tokyo', '--verify-timeout', '1');
      expect(code).toBe(1);
      expect(recap.tunnels[0]).toMatchObject({ status: 'reverted', ends: { hub: 'reverted', spoke: 'reverted' } });
      expect(await host.answers()).toBe(true);
      await until('nothing is left', host.isClean);
    });

    it('put a change back of which a line fails, although ifup says that all went well', async () => {
      await mkdir(scratch, { recursive: true });
      const templates = fileURLToPath(new URL('../../templates', import.meta.url));
      await cp(templates, scratch, { recursive: true });
      const name = join(scratch, 'ifupdown2/gateway.liquid');
      await writeFile(name, (await readFile(name, 'utf8')).replace('  post-down', '  post-up false\n  post-down'));
      await writeFile(lab.inventoryPath, INVENTORY.replace('hub:', `templates: ${scratch}\nhub:`));
      const before = await host.on('tokyo', `ip -6 addr show vxlan01 scope global; cat ${LIVE}`);
      const { code, recap } = await host.run('deploy', 'tokyo');
      expect(code).toBe(1);
      expect(recap.tunnels[0]).toMatchObject({ status: 'reverted', error: { end: 'spoke', layer: 'link' } });
      expect(recap.tunnels[0]?.error?.message).toContain("post-up cmd 'false' failed");
      const after = await host.on('tokyo', `ip -6 addr show vxlan01 scope global; cat ${LIVE}`);
      expect(after.replace(/^\d+:/, '')).toBe(before.replace(/^\d+:/, ''));
      // A file that it cannot read is refused before anything is down.
      await writeFile(name, (await readFile(name, 'utf8')).replace('post-up false', 'no-scripts'));
      const index = await host.indexOf('tokyo', 'vxlan01');
      const refused = await host.run('deploy', 'tokyo');
      expect(refused.recap.tunnels[0]?.error?.message).toMatch(/ifquery: error: .* invalid syntax 'no-scripts'/);
      expect(await host.indexOf('tokyo', 'vxlan01')).toBe(index);
      // Whoever has changed the templates for ifupdown alone is told.
      await rm(join(scratch, 'ifupdown2'), { recursive: true });
      const forgotten = await host.run('deploy', 'tokyo');
      expect(forgotten.recap.tunnels[0]?.error?.message).toMatch(/hub\.liquid is for ifupdown, and the host of /);
    });

    it.each(['disable_cli_interfacesfile=1', 'use_daemon=yes'])(
      'are refused with %s, and nothing is down',
      async (line) => {
        const file = '/etc/network/ifupdown2/ifupdown2.conf';
        const index = await host.indexOf('tokyo', 'vxlan01');
        await host.on('tokyo', `cp -a ${file} /root/conf; sed -i 's/^${line.replace(/=.*/, '')}=.*/${line}/' ${file}`);
        await host.change('tokyo', 'vxlan: { mtu: 1300 }');
        const { code, recap } = await host.run('deploy', 'tokyo');
        await host.on('tokyo', `mv /root/conf ${file}`);
        expect(code).toBe(1);
        expect(recap.tunnels[0]).toMatchObject({ status: 'failed', ends: { hub: 'untouched', spoke: 'untouched' } });
        expect(recap.tunnels[0]?.error?.message).toContain(line);
        expect(await host.indexOf('tokyo', 'vxlan01')).toBe(index);
      },
    );

    it('put a trial back alone when the controller is killed', async () => {
      await host.dropPort('tokyo', 4999);
      await host.change('tokyo', 'vxlan: { dstport: 4999 }');
      const kill = new AbortController();
      const deploy = lab.run(['deploy', 'tokyo', '--verify-timeout', '120', '--window', '600'], {
        kill: kill.signal,
      });
      await until('the trial is open', host.isArmed);
      kill.abort();
      expect((await deploy).code).toBeNull();
      await until('it answers and nothing is left', async () => (await host.answers()) && (await host.isClean()));
      await writeFile(lab.inventoryPath, INVENTORY);
      expect((await host.run('deploy')).recap.counts).toMatchObject({ unchanged: 3 });
    });

    it('end an ifup that hangs, with all that it has started, when the session is lost', async () => {
      await mkdir(scratch, { recursive: true });
      await cp(fileURLToPath(new URL('../../templates/ifupdown2', import.meta.url)), join(scratch, 'ifupdown2'), {
        recursive: true,
      });
      const name = join(scratch, 'ifupdown2/gateway.liquid');
      await writeFile(name, (await readFile(name, 'utf8')).replace('  post-down', '  post-up sleep 77\n  post-down'));
      await writeFile(lab.inventoryPath, INVENTORY.replace('hub:', `templates: ${scratch}\nhub:`));
      const hangs = async (): Promise<boolean> => (await lab.exec('tokyo', ['pgrep', '-fx', 'sleep 77'])).code === 0;
      const kill = new AbortController();
      const deploy = lab.run(['deploy', 'tokyo'], { kill: kill.signal });
      await until('ifup hangs', hangs);
      kill.abort();
      expect((await deploy).code).toBeNull();
      await until('it answers and nothing is left', async () => (await host.answers()) && (await host.isClean()));
      expect(await hangs()).toBe(false);
    });

    it('come up on the old file when they are restarted in a trial, and on the new one after it', async () => {
      await host.dropPort('tokyo', 4999);
      await host.change('tokyo', 'vxlan: { dstport: 4999 }');
      const deploy = host.run('deploy', 'tokyo', '--verify-timeout', '20');
      await until('the trial is open', host.isArmed);
      await lab.reboot('tokyo');
      expect((await deploy).code).not.toBe(0);
      expect(await host.on('tokyo', 'ip -d link show vxlan01')).toContain('dstport 4789');
      await until('it answers', host.answers);
      await host.change('tokyo', 'vxlan: { dstport: 4790 }');
      expect(await host.run('deploy', 'tokyo')).toMatchObject({ code: 0 });
      await lab.reboot('tokyo');
      await lab.reboot('hub');
      expect(await host.on('tokyo', 'ip -d link show vxlan01')).toContain('dstport 4790');
      expect((await host.run('deploy')).recap.counts).toMatchObject({ unchanged: 3 });
      expect(await host.run('verify')).toMatchObject({ code: 0 });
    });

    it('wait when somebody else uses ifupdown2, and keep their tunnels and every rule when everything is reloaded', async () => {
      const holder = await lab.spawnExec('hub', ['flock', '/run/network/.lock', 'sleep', '3']);
      expect(await host.run('deploy', 'tokyo', '--force')).toMatchObject({ code: 0 });
      await holder.ended;
      const state =
        'ip -6 -o rule | sort; ip -o link show type vxlan; ip -6 route | sort; ip -6 -o addr show scope global';
      const before = await host.on('osaka', state);
      const watcher = await lab.spawnExec('osaka', ['ip', 'monitor', 'link', 'rule', 'address', 'route']);
      const ping = await lab.spawnExec('osaka', ['ping', '-6', '-i0.05', '-q', '2001:db8:ae00:0:2::1']);
      await host.on('osaka', 'ifreload -a');
      expect((await ping.stop()).stdout).toContain(' 0% packet loss');
      expect((await watcher.stop()).stdout).not.toContain('Deleted');
      expect(await host.on('osaka', state)).toBe(before);
      expect((await host.run('deploy')).recap.counts).toMatchObject({ unchanged: 3 });
    });

    it.runIf(isFull)(
      'that have changed over from ifupdown get its files replaced, and go back to them where a change fails',
      async () => {
        const { stdout } = await lab.run(['render', 'tokyo', '--output', 'json']);
        const { text } = JSON.parse(stdout.split('\n')[0] ?? '') as { text: string };
        const old = Buffer.from(text).toString('base64');
        await host.on(
          'hub',
          `ifdown vxlan01; base64 -d <<<${old} >${LIVE}; ! ifup -i ${LIVE} vxlan01; [ -e /sys/class/net/vxlan01 ]`,
        );
        await until('it answers', host.answers);
        await host.dropPort('tokyo', 4999);
        await host.change('tokyo', 'vxlan: { dstport: 4999 }');
        const failed = await host.run('deploy', 'tokyo', '--verify-timeout', '1');
        expect(failed.recap.tunnels[0]).toMatchObject({ status: 'reverted' });
        expect(await host.on('hub', `cat ${LIVE}`)).toBe(text);
        await writeFile(lab.inventoryPath, INVENTORY);
        expect(await host.run('deploy', 'tokyo')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
        const index = await host.indexOf('hub', 'vxlan01');
        const refused = await host.run('rollback', 'tokyo');
        expect(refused.recap.tunnels[0]?.error?.message).toMatch(/ifquery: error: .*: invalid syntax 'no-scripts'$/);
        expect(await host.indexOf('hub', 'vxlan01')).toBe(index);
      },
    );

    it.runIf(isFull)('bring an adopted file back, whose own address ifupdown2 sets two times of three', async () => {
      const stanza = (address: string, local: string, remote: string): string =>
        `auto vxlan01\niface vxlan01 inet6 static\n  address ${address}/80\n` +
        `  pre-up ip link add vxlan01 type vxlan id 77 local ${local} remote ${remote} dev eth0 dstport 4700\n`;
      // By hand it is two times of three, too.
      const UP = 'until ifup vxlan01; ip -6 addr show dev vxlan01 scope global | grep -q .; do ifdown vxlan01; done';
      const ends = { hub: ['1', '198.18.0.1', '198.18.1.1'], tokyo: ['2', '198.18.1.1', '198.18.0.1'] } as const;
      for (const [name, [id, local, remote]] of Object.entries(ends)) {
        const text = Buffer.from(stanza(`2001:db8:1::${id}`, local, remote)).toString('base64');
        await host.on(name, `ifdown vxlan01; base64 -d <<<${text} >${LIVE}; ${UP}`);
      }
      for (let round = 0; round < 3; round += 1) {
        expect(await host.run('deploy', 'tokyo', '--adopt')).toMatchObject({ code: 0 });
        expect(await host.run('rollback', 'tokyo')).toMatchObject({ code: 0 });
      }
      expect(await host.on('hub', 'ping -6 -c1 -W2 2001:db8:1::2')).toContain(' 1 received');
      expect(await host.run('deploy', 'tokyo', '--adopt')).toMatchObject({ code: 0 });
    });

    it('lose a tunnel that leaves the inventory, with its rules, also when its link is gone already', async () => {
      const rules = async (): Promise<string> => host.on('osaka', 'ip -6 rule; ip -6 route show table 30002');
      expect(await rules()).toContain('30002');
      await host.on('osaka', 'ip link del vxlan02');
      await writeFile(lab.inventoryPath, INVENTORY.replace(/ {2}osaka:\n[^]*(?= {2}nara:)/, ''));
      expect(await host.run('deploy', '--prune')).toMatchObject({ code: 0 });
      expect(await rules()).not.toContain('30002');
      expect(await host.on('osaka', 'ls -A /etc/network/interfaces.d')).toBe('');
      expect(await host.run('rollback')).toMatchObject({ code: 0 });
      expect(await rules()).toContain('30002');
    });
  },
);

describe.skipIf(unavailable !== undefined)(`hosts with ifupdown-ng ${unavailable ?? ''}`, () => {
  it('are refused where it is ifup, with the reason', async () => {
    const lab = await startLab('ifupdownng', {
      inventoryText: INVENTORY,
      images: imageChoices('machine', 'tokyo=machine+ifupdown-ng'),
    });
    const host = handle(lab);
    try {
      const { code, recap } = await host.run('deploy');
      expect(code).toBe(1);
      expect(recap.counts).toMatchObject({ changed: 2, failed: 1 });
      expect(recap.tunnels.find(({ spoke }) => spoke === 'tokyo')).toMatchObject({
        status: 'failed',
        ends: { hub: 'untouched', spoke: 'untouched' },
        error: {
          code: 'refused',
          end: 'spoke',
          layer: 'implementation',
          message: expect.stringContaining('ifupdown-ng 0.') as string,
        },
      });
    } finally {
      await lab.down();
    }
  });

  it.runIf(isFull)('are deployed through ifupdown where it stands beside, as on Debian 13', async () => {
    const images = imageChoices('trixie+ifupdown-ng');
    const lab = await startLab('ifupdownng', { inventoryText: INVENTORY, images });
    const host = handle(lab);
    try {
      expect(await host.on('hub', 'ifup-ng --version')).toContain('ifupdown-ng');
      expect(await host.run('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 3 } } });
      expect((await host.run('deploy')).recap.counts).toMatchObject({ unchanged: 3 });
      await lab.reboot('tokyo');
      expect(await host.run('verify')).toMatchObject({ code: 0 });
    } finally {
      await lab.down();
    }
  });
});
