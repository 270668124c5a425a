import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { consoleFile } from '../../src/lab/lab-paths.js';
import { labAvailability, startLab, type TestLab } from './harness.js';

const unavailable = await labAvailability();

const TEMPLATES = fileURLToPath(new URL('../../templates', import.meta.url));
const TOKYO = '198.18.1.1';
const HOSTS = ['hub', 'tokyo'] as const;
type Host = (typeof HOSTS)[number];

/** A host made unfit, and what deploy must say of it. */
interface Case {
  readonly what: string;
  readonly host: Host;
  readonly breakIt: string;
  readonly mend: string;
  /** The inventory's text that goes with it. */
  readonly edit?: (text: string) => string;
  readonly layer: string;
  readonly message: RegExp;
  readonly hint: RegExp;
}

const KEEP = 'cp -p /etc/network/interfaces /root/kept-interfaces';
const PUT_BACK = 'cp -p /root/kept-interfaces /etc/network/interfaces';
const FAKE_IFUP = '/usr/local/sbin/ifup';

const CASES: readonly Case[] = [
  {
    what: 'interfaces that does not read interfaces.d',
    host: 'tokyo',
    breakIt: `${KEEP}; sed -i '/^source/d' /etc/network/interfaces`,
    mend: PUT_BACK,
    layer: 'implementation',
    message: /\/etc\/network\/interfaces does not read \/etc\/network\/interfaces\.d/,
    hint: /source \/etc\/network\/interfaces\.d\/\*/,
  },
  {
    what: 'a read-only interfaces.d',
    host: 'tokyo',
    breakIt: 'd=/etc/network/interfaces.d; mount --bind $d $d; mount -o remount,bind,ro $d',
    mend: 'umount /etc/network/interfaces.d',
    layer: 'file',
    message: /\/etc\/network\/interfaces\.d is not writable/,
    hint: /findmnt -T \/etc\/network\/interfaces\.d/,
  },
  {
    what: 'a read-only /etc on the hub',
    host: 'hub',
    breakIt: 'mount --bind /etc /etc; mount -o remount,bind,ro /etc',
    mend: 'umount /etc',
    layer: 'file',
    message: /\/etc\/network\/interfaces\.d is not writable/,
    hint: /mounted read-write/,
  },
  {
    what: 'a full interfaces.d',
    host: 'tokyo',
    breakIt: `d=/etc/network/interfaces.d; rm -rf /root/d; cp -a $d /root/d; mount -t tmpfs -o size=64k,mode=755 tmpfs $d
      cp -a /root/d/. $d; dd if=/dev/zero of=$d/.filler bs=1k 2>/dev/null || true`,
    mend: 'umount /etc/network/interfaces.d',
    layer: 'file',
    message: /\/etc.*full/,
    hint: /./,
  },
  {
    what: 'a read-only /run',
    host: 'tokyo',
    breakIt: 'mount -o remount,ro /run',
    mend: 'mount -o remount,rw /run',
    layer: 'file',
    message: /\/run is not writable/,
    hint: /findmnt -T \/run/,
  },
  {
    what: 'a full /run',
    host: 'tokyo',
    breakIt: 'mount -o remount,size=1m /run; dd if=/dev/zero of=/run/filler bs=1k 2>/dev/null || true',
    mend: 'rm /run/filler; mount -o remount,size=64m /run',
    layer: 'file',
    message: /\/run.*full/,
    hint: /./,
  },
  {
    what: 'an underlay device that is not there',
    host: 'tokyo',
    breakIt: 'true',
    mend: 'true',
    edit: (text) => text.replace(`{ address: ${TOKYO}, device: eth0 }`, `{ address: ${TOKYO}, device: eth9 }`),
    layer: 'underlay',
    message: /there is no device eth9/,
    hint: /underlay\.device/,
  },
  {
    what: 'an interface that /etc/network/interfaces defines too',
    host: 'tokyo',
    breakIt: `${KEEP}; printf '\\niface vxlan01 inet6 manual\\n' >> /etc/network/interfaces`,
    mend: PUT_BACK,
    layer: 'file',
    message: /vxlan01 is defined in \/etc\/network\/interfaces:\d+ too/,
    hint: /remove that stanza/,
  },
  {
    what: 'an interface that another file of interfaces.d defines too',
    host: 'hub',
    breakIt: "printf 'iface vxlan01 inet6 manual\\n' > /etc/network/interfaces.d/old",
    mend: 'rm /etc/network/interfaces.d/old',
    layer: 'file',
    message: /vxlan01 is defined in \/etc\/network\/interfaces\.d\/old:1 too/,
    hint: /remove that stanza/,
  },
  {
    what: 'another link with the VNI and port',
    host: 'tokyo',
    breakIt: 'ip link add other type vxlan id 77 dstport 4789 remote 198.18.9.9 dev eth0',
    mend: 'ip link del other',
    edit: (text) => text.replace(/(\n {4}id: 1\b)/, '\n    vxlan: { vni: 77 }$1'),
    layer: 'params',
    message: /other already has VNI 77 on port 4789/,
    hint: /vxlan\.vni.*other/,
  },
  {
    what: 'a login that is not root',
    host: 'tokyo',
    breakIt: `useradd -m -d /home/person -s /bin/bash -p '*' person
      install -d -o person -m 700 /home/person/.ssh
      install -o person -m 600 /root/.ssh/authorized_keys /home/person/.ssh/authorized_keys`,
    mend: 'userdel -r person 2>/dev/null || userdel -f person',
    edit: (text) => text.replace(/(\n {4}id: 1\b)/, '\n    ssh: { user: person }$1'),
    layer: 'ssh',
    message: /the login is not root \(uid \d+\)/,
    hint: /ssh\.user to root/,
  },
  {
    what: 'an ifup of another hand',
    host: 'tokyo',
    breakIt: `printf '#!/bin/sh\\necho ifupdown2:3.0.0\\n' > ${FAKE_IFUP}; chmod 755 ${FAKE_IFUP}`,
    mend: `rm ${FAKE_IFUP}`,
    layer: 'implementation',
    message: /neither ifupdown nor a packaged ifupdown2: ifupdown2:3\.0\.0/,
    hint: /apt-get install ifupdown/,
  },
  {
    what: 'a host without ifupdown',
    host: 'tokyo',
    breakIt: 'f=$(readlink -f "$(command -v ifup)"); echo "$f" > /root/ifup; mv "$f" "$f.kept"',
    mend: 'f=$(cat /root/ifup); mv "$f.kept" "$f"',
    layer: 'implementation',
    message: /ifup is not installed/,
    hint: /apt-get install .*ifupdown/,
  },
  {
    what: 'a hub that does not forward',
    host: 'hub',
    breakIt: 'echo 0 > /proc/sys/net/ipv6/conf/all/forwarding',
    mend: 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding',
    layer: 'forwarding',
    message: /does not forward IPv6/,
    hint: /sysctl -w net\.ipv6\.conf\.all\.forwarding=1/,
  },
];

describe.skipIf(unavailable !== undefined)(`what deploy refuses ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let original: string;
  let scratch: string;

  const recapOf = (stdout: string): Recap => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap;
  const deploy = async (...args: string[]) => {
    const { code, stdout, stderr } = await lab.run(['deploy', '--output', 'json', ...args]);
    expect(stderr).toBe('');
    const recap = recapOf(stdout);
    return { code, recap, tunnel: recap.tunnels[0] };
  };
  /** As root on a host; must succeed. */
  const on = async (host: Host, script: string): Promise<string> => {
    const outcome = await lab.exec(host, ['sh', '-euc', script]);
    expect({ script, ...outcome }).toMatchObject({ code: 0 });
    return outcome.stdout;
  };
  const setInventory = async (change: (text: string) => string): Promise<void> => {
    const after = change(original);
    expect(after).not.toBe(original);
    await writeFile(lab.inventoryPath, after);
  };

  /** Every byte of /etc/network and what runs: a link that was bounced has another index. */
  const stateOf = (host: Host): Promise<string> =>
    on(
      host,
      `cd /etc/network; find . -type d -printf '%M %u %g %p\\n' -o -printf '%M %n %u %g %s %T+ %p\\n'; find . -type f ! -name .filler -exec sha256sum {} +
       for i in /sys/class/net/*; do echo "$i $(cat "$i/ifindex")"; done
       ip -6 -o addr show scope global; ip -6 route show table all | grep -vE 'table local|^fe80:|^multicast'; ip -6 rule
       ls -A /run/vxfleet 2>/dev/null || true; ls -A /var/lib/vxfleet 2>/dev/null || true; cat /run/network/ifstate`,
    );
  const state = () => Promise.all(HOSTS.map(stateOf));
  const files = () =>
    Promise.all(
      HOSTS.map((host) =>
        on(host, 'cd /etc/network; find . -type f -exec sha256sum {} + | sort; ls -A . interfaces.d'),
      ),
    );
  /** Logins that sshd has noted. */
  const logins = async (host: Host): Promise<number> =>
    (await readFile(consoleFile(lab.name, host), 'utf8')).split('Accepted publickey').length - 1;
  const answers = async (): Promise<boolean> =>
    (await lab.exec('hub', ['ping', '-6', '-n', '-q', '-c1', '-W2', '2001:db8:ae01::1'])).code === 0;

  beforeAll(async () => {
    lab = await startLab('refusals', { spokes: 1 });
    scratch = lab.scratch;
    original = await readFile(lab.inventoryPath, 'utf8');
    expect(await deploy()).toMatchObject({ code: 0, tunnel: { status: 'changed', error: null } });
  });
  afterAll(async () => {
    await lab?.down();
  });

  describe.each(CASES)('$what', ({ host, breakIt, mend, edit, layer, message, hint }) => {
    beforeEach(async () => {
      if (edit !== undefined) await setInventory(edit);
      await on(host, breakIt);
    });
    afterEach(async () => {
      await writeFile(lab.inventoryPath, original);
      await on(host, mend);
      // Whole again, or the next refusal could be this one's.
      expect(await deploy()).toMatchObject({ code: 0 });
      expect(await answers()).toBe(true);
    });

    it('is refused with the reason and the way out, and nothing is touched', async () => {
      const before = await state();
      const { code, tunnel } = await deploy('--force');
      const after = await state();
      expect(code).toBe(1);
      expect(tunnel?.error).toMatchObject({ end: host === 'hub' ? 'hub' : 'spoke', layer });
      expect(tunnel?.error?.message).toMatch(message);
      expect(tunnel?.error?.hint).toMatch(hint);
      expect.soft(tunnel?.error?.code).toBe('refused');
      expect.soft(tunnel).toMatchObject({ status: 'failed', ends: { hub: 'untouched', spoke: 'untouched' } });
      expect.soft(tunnel?.down_ms).toBe(null);
      expect(after).toEqual(before);
    });
  });

  it('what will work and may not last, or not be meant, is a warning before a change', async () => {
    await on('tokyo', 'mkdir -p /run/systemd/netif; touch /run/systemd/netif/state');
    await on('tokyo', 'ip -6 addr add 2001:db9::7/64 dev eth0; ip -6 route add default via 2001:db9::1 dev eth0');
    await on('hub', 'ip -6 route add 2001:db8:ae00::/40 dev eth0; mv /etc/sysctl.d/forwarding.conf /root');
    await setInventory((text) => text.replace(/(\n {4}id: 1\b)/, '\n    vxlan: { dstport: 4790 }$1'));
    const warningsOf = async (command: string): Promise<string[]> => {
      const { code, stdout } = await lab.run([command, '--output', 'json']);
      expect(code).toBe(0);
      const events = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { level?: string; message?: string });
      return events.flatMap(({ level, message = '' }) => (level === 'warning' ? [message] : []));
    };
    const expected = [
      /^2001:db8:ae00::\/40 is on-link on eth0 of the hub \(.*\): is it routed to this host\?/,
      /^the hub forwards IPv6, and nothing found there would turn that on when it boots/,
      /^systemd-networkd runs on tokyo, and would remove routes of a tunnel/,
      /^tokyo has IPv6 of its own, 2001:db9::7 on eth0, .*mode: policy for tokyo/,
    ].map((pattern) => expect.stringMatching(pattern) as string);
    try {
      expect(await warningsOf('diff')).toEqual(expected);
      expect(await warningsOf('deploy')).toEqual(expected);
      // Nothing is to be changed, so nothing is to be said before.
      expect(await warningsOf('deploy')).toEqual([]);
    } finally {
      await on('tokyo', 'rm -r /run/systemd/netif; ip -6 addr del 2001:db9::7/64 dev eth0');
      await on('hub', 'ip -6 route del 2001:db8:ae00::/40 dev eth0; mv /root/forwarding.conf /etc/sysctl.d');
      await writeFile(lab.inventoryPath, original);
      expect(await deploy()).toMatchObject({ code: 0 });
    }
  });

  describe('templates of one’s own', () => {
    afterEach(async () => {
      await writeFile(lab.inventoryPath, original);
      await rm(join(scratch, 'gateway.liquid'), { force: true });
    });
    const template = async (change: (text: string) => string): Promise<void> => {
      const builtIn = await readFile(join(TEMPLATES, 'gateway.liquid'), 'utf8');
      await writeFile(join(scratch, 'gateway.liquid'), change(builtIn));
      await setInventory((text) =>
        `templates: ${scratch}\n${text}`.replace(/(\n {4}id: 1\b)/, '\n    vxlan: { dstport: 4790 }$1'),
      );
    };

    it('whose stanza fails half way are taken back on both ends, and the old tunnel answers', async () => {
      const before = await files();
      await template((text) => `${text}  post-up false\n`);
      const { code, tunnel } = await deploy();
      expect(code).toBe(1);
      expect(tunnel).toMatchObject({
        status: 'reverted',
        ends: { hub: 'reverted', spoke: 'reverted' },
        error: { code: 'host', end: 'spoke' },
      });
      expect(tunnel?.error?.message).toMatch(/ifup/);
      expect(await files()).toEqual(before);
      expect(await answers()).toBe(true);
      expect(await on('tokyo', 'ls -A /run/vxfleet')).toBe('');
      expect(await on('hub', 'ip -d link show vxlan01')).toContain('dstport 4789');
      await writeFile(lab.inventoryPath, original);
      expect(await deploy()).toMatchObject({ code: 0, tunnel: { status: 'unchanged' } });
    });

    it('that ifupdown cannot read are refused before anything goes down', async () => {
      await template((text) => text.replace(/^iface .*$/m, 'iface {{ interface }} inet6 nonsense'));
      const before = await state();
      const { code, tunnel } = await deploy();
      expect(code).toBe(1);
      expect(tunnel?.error?.end).toBe('spoke');
      expect(tunnel?.error?.message).toMatch(/ifup -n/);
      expect(tunnel?.ends).toEqual({ hub: 'untouched', spoke: 'untouched' });
      expect(await state()).toEqual(before);
      expect(await answers()).toBe(true);
    });

    it('with an error of Liquid are shown with their place, and nobody is contacted', async () => {
      await template((text) => `${text}  post-up echo {{ interface\n`);
      const lines = (await readFile(join(scratch, 'gateway.liquid'), 'utf8')).split('\n').length - 1;
      const before = await Promise.all(HOSTS.map(logins));
      const { code, stdout, stderr } = await lab.run(['deploy', '--output', 'json']);
      expect(code).toBe(2);
      expect(stdout.match(/"event":"\w+"/g)).toEqual(['"event":"error"', '"event":"recap"']);
      expect(stderr).toMatch(new RegExp(`${join(scratch, 'gateway.liquid')}:${lines}:\\d+: `));
      expect(await Promise.all(HOSTS.map(logins))).toEqual(before);
      // The count does see a deploy.
      await writeFile(lab.inventoryPath, original);
      await deploy();
      expect(await Promise.all(HOSTS.map(logins))).toEqual(before.map((count) => count + 1));
    });
  });

  describe('host keys', () => {
    const known = () => join(scratch, 'known_hosts');

    it('that are unknown are refused with the command that accepts them, which then works', async () => {
      const lines = (await readFile(join(lab.home, '.ssh/known_hosts'), 'utf8')).split('\n');
      const [hub] = lines.filter((line) => line.startsWith('198.18.0.1 '));
      const [tokyo] = lines.filter((line) => line.startsWith(`${TOKYO} `));
      await writeFile(known(), `${hub}\n`);
      const before = await state();
      const refused = await deploy('--force', '--known-hosts', known());
      expect(refused.code).toBe(1);
      expect(refused.tunnel).toMatchObject({ status: 'unreachable', error: { code: 'host-key', end: 'spoke' } });
      expect(refused.tunnel?.error?.message).toMatch(/198\.18\.1\.1 port 22 is not known.*SHA256:/);
      expect(refused.tunnel?.error?.hint).toMatch(/--accept-new/);
      expect(await state()).toEqual(before);
      expect(await readFile(known(), 'utf8')).toBe(`${hub}\n`);

      expect(await deploy('--known-hosts', known(), '--accept-new')).toMatchObject({ code: 0 });
      expect(await readFile(known(), 'utf8')).toBe(`${hub}\n${tokyo}\n`);
      expect(await deploy('--known-hosts', known())).toMatchObject({ code: 0 });
    });

    it('that have changed are refused, with --accept-new too, until the old line is removed as the hint says', async () => {
      await on('tokyo', "rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key");
      const fresh = (await on('tokyo', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub')).split(' ')[1] ?? '';
      await lab.reboot('tokyo');
      const text = await readFile(known(), 'utf8');
      const before = await state();
      for (const options of [[], ['--accept-new']]) {
        const { code, tunnel } = await deploy('--force', '--known-hosts', known(), ...options);
        expect(code).toBe(1);
        expect(tunnel).toMatchObject({ status: 'unreachable', error: { code: 'host-key', end: 'spoke' } });
        expect(tunnel?.error?.message).toContain(fresh);
        expect(tunnel?.error?.message).toContain(`${known()}:2 `);
        const command = /ssh-keygen -R .*/.exec(tunnel?.error?.hint ?? '')?.[0];
        expect(command).toBe(`ssh-keygen -R ${TOKYO} -f ${known()}`);
      }
      expect(await readFile(known(), 'utf8')).toBe(text);
      expect(await state()).toEqual(before);
      await promisify(execFile)('ssh-keygen', ['-R', TOKYO, '-f', known()]);
      expect(await deploy('--known-hosts', known(), '--accept-new')).toMatchObject({ code: 0 });
    });
  });
});
