/** Hosts that are odd, each in its own way: they work, or the message names what is in the way. One run meets all of them. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recap, TunnelResult } from '../../src/events.js';
import { shellQuote } from '../../src/ssh/shell-quote.js';
import { faketimeEnvironment, installFaketime } from '../faketime.js';
import { labAvailability, startLab, type TestLab } from './harness.js';
import { fetchPackages, unpackOn } from './packages.js';

const unavailable = await labAvailability();

interface OddHost {
  /** Its spoke's name. */
  readonly name: string;
  readonly packages?: readonly string[];
  /** Makes it so; run on the host by sh, as root. */
  readonly make: string;
  /** Its `ssh` in the inventory. */
  readonly ssh?: string;
}

interface UnfitHost extends OddHost {
  readonly message: RegExp;
  readonly hint: RegExp;
}

const shell = (path: string): string => `sed -i 's|^\\(root:.*:\\)[^:]*$|\\1${path}|' /etc/passwd`;
const write = (path: string, ...lines: string[]): string =>
  `mkdir -p "$(dirname ${path})"; printf '%s\\n' ${shellQuote(lines)} >${path}`;
const script = (path: string, ...lines: string[]): string =>
  `${write(path, '#!/bin/bash', ...lines)}; chmod 755 ${path}`;
/** A login shell that does something and is bash then. */
const shellAfter = (line: string): string =>
  `${script('/usr/local/bin/odd-shell', line, 'exec bash "$@"')}; ${shell('/usr/local/bin/odd-shell')}`;
const withoutCapabilities = (...names: string[]): string => {
  const dropped = names.map((name) => `-${name}`).join(',');
  return shellAfter(`exec setpriv --bounding-set=${dropped} --inh-caps=${dropped} bash "$@"`);
};
const sshd = (...lines: string[]): string =>
  `${write('/etc/ssh/odd', ...lines)}; cat /etc/ssh/sshd_config >>/etc/ssh/odd; mv /etc/ssh/odd /etc/ssh/sshd_config
  /usr/sbin/sshd -t; kill -HUP "$(cat /run/sshd.pid)"; sleep 0.3`;
const moveAway = (program: string, to: string): string =>
  `mkdir -p ${to}; mv "$(readlink -f "$(command -v ${program})")" ${to}/${program}; hash -r`;
const busybox = (applet: string): string => `ln -sf /bin/busybox /usr/local/sbin/${applet}`;
const NOISE = ['echo noise; echo noise >&2', 'printf "no end of line"'];

const FIT: readonly OddHost[] = [
  {
    name: 'fish',
    packages: ['fish', 'fish-common', 'libpcre2-32-0'],
    make: `${shell('/usr/bin/fish')}; ${write('/root/.config/fish/config.fish', ...NOISE, 'set -x TMOUT 1')}`,
  },
  {
    name: 'zsh',
    packages: ['zsh'],
    make: `${shell('/bin/zsh')}; ${write('/root/.zshenv', ...NOISE, 'setopt nounset; export TMOUT=1')}`,
  },
  {
    name: 'tcsh',
    packages: ['tcsh'],
    make: `${shell('/bin/tcsh')}; ${write('/root/.cshrc', 'echo noise', 'set path = ( /usr/bin /bin )')}`,
  },
  { name: 'ash', packages: ['busybox-static'], make: `ln -s /bin/busybox /bin/ash; ${shell('/bin/ash')}` },
  { name: 'dash', make: shell('/bin/dash') },
  { name: 'rbash', make: shell('/bin/rbash') },
  {
    name: 'bashrc',
    make: write(
      '/root/.bashrc',
      ...NOISE,
      'echo once >>/root/times; sleep 1; set -eu; trap "echo the end" EXIT',
      'export TMOUT=1 POSIXLY_CORRECT=1 LANG=de_DE.UTF-8 LANGUAGE=de PROMPT_COMMAND="exit 9" PATH=/usr/bin:/bin',
      'ip() { echo no; }; ping() { echo no; }; mkdir() { echo no; }; export -f ip ping mkdir',
      'export BASH_ENV=/root/.bashrc SHELLOPTS BASHOPTS GLOBIGNORE="*" CDPATH=/tmp IFS=x',
    ),
  },
  {
    name: 'environment',
    make: `${write('/etc/odd', ...NOISE, 'read -r line; exit 9')}
      ${shell('/bin/dash')}; ${sshd('SetEnv BASH_ENV=/etc/odd ENV=/etc/odd TMOUT=1 POSIXLY_CORRECT=1 LC_ALL=ja_JP.UTF-8 PERL5OPT=-Mno_such PERL_UNICODE=SAD')}`,
  },
  { name: 'perl-elsewhere', make: `${shell('/bin/dash')}; ${moveAway('perl', '/usr/local/bin')}` },
  {
    name: 'bare',
    make: `${shell('/bin/dash')}; ${['ping', 'flock', 'bash'].map((name) => moveAway(name, '/opt')).join('; ')}`,
  },
  {
    name: 'banner',
    make: `${write('/etc/issue.net', 'Permission denied (publickey).', 'Host key verification failed.', 'ssh: connect to host')}
      cp /etc/issue.net /etc/motd; ${sshd('Banner /etc/issue.net', 'PrintMotd yes')}`,
  },
  { name: 'forced', make: sshd('ForceCommand logger "$SSH_ORIGINAL_COMMAND"; exec sh -c "$SSH_ORIGINAL_COMMAND"') },
  {
    name: 'read-only',
    make: 'for d in /etc /var; do mount --bind $d $d; done; mount -o remount,bind,ro /; if touch /usr/x; then exit 1; fi',
  },
  {
    name: 'noexec',
    make: 'mount -o remount,noexec /run; mount -t tmpfs -o noexec,size=4k tmpfs /tmp; dd if=/dev/zero of=/tmp/x bs=4k count=1',
  },
  {
    name: 'hidden',
    ssh: '{ user: admin, become: true }',
    make: `useradd -m -d /home/admin -s /bin/rbash -p '*' admin; install -d -o admin -m 700 /home/admin/.ssh
      install -o admin -m 600 /root/.ssh/authorized_keys /home/admin/.ssh/authorized_keys
      echo 'admin ALL=(root) NOPASSWD: /usr/bin/bash' >/etc/sudoers.d/vxfleet
      ${write('/home/admin/.bashrc', ...NOISE, 'export TMOUT=1 POSIXLY_CORRECT=1')}
      mount -o remount,hidepid=2 /proc; hostname odd-name.nowhere.example`,
  },
  {
    name: 'clock',
    make: `${write('/root/.bashrc', 'date +%Y >/root/year')}
      echo -1790000000 >/etc/clock; ${sshd(`SetEnv ${faketimeEnvironment('/etc/clock')}`)}`,
  },
  { name: 'limits', make: shellAfter('ulimit -n 32; ulimit -u 16; ulimit -f 2048') },
];

const UNFIT: readonly UnfitHost[] = [
  {
    name: 'no-login',
    make: shell('/usr/sbin/nologin'),
    message: /the login on no-login has no shell \(This account is currently not available\.\)/,
    hint: /chsh -s \/bin\/bash/,
  },
  {
    name: 'no-shell',
    make: shell('/bin/no-such-shell'),
    message: /login refused/,
    hint: /ssh-copy-id/,
  },
  {
    name: 'no-perl',
    make: moveAway('perl', '/opt'),
    message: /the login on no-perl finds no perl \(env: .*perl.*\)/,
    hint: /apt-get install perl-base/,
  },
  {
    name: 'exits',
    make: write('/root/.bashrc', 'echo maintenance until noon', 'exit 3'),
    message: /let the login in, and ended with status 3 before it ran vxfleet's program \(maintenance until noon\)/,
    hint: /start-up file/,
  },
  {
    name: 'reads',
    make: write('/root/.bashrc', 'read -r answer'),
    message: /something on reads has read what was meant for vxfleet's program/,
    hint: /\[ -t 0 \]/,
  },
  {
    name: 'replaces',
    make: write('/root/.bashrc', 'exec sh'),
    message: /a shell on replaces ran in place of vxfleet's program/,
    hint: /\[ -t 0 \]/,
  },
  {
    name: 'backups',
    make: sshd('ForceCommand echo only backups here; exit 5'),
    message: /ended with status 5 .*\(only backups here\)/,
    hint: /ForceCommand/,
  },
  {
    name: 'sftp',
    make: sshd('ForceCommand internal-sftp'),
    message: /let the login in, and ended with .* before it ran vxfleet's program/,
    hint: /ForceCommand/,
  },
  {
    name: 'key-command',
    make: 'sed -i \'s/^/command="echo this key may not" /\' /root/.ssh/authorized_keys',
    message: /ended with status 0 .*\(this key may not\)/,
    hint: /command=/,
  },
  {
    name: 'no-net-raw',
    make: withoutCapabilities('net_raw'),
    message: /root may not send packets of its own \(no CAP_NET_RAW\)/,
    hint: /raw sockets/,
  },
  {
    name: 'old-ip',
    make: script(
      '/usr/local/sbin/ip',
      'case " $* " in *" -V "*) echo "ip utility, iproute2-ss170501"; exit ;;',
      `*" -j "*) echo 'Option "-j" is unknown, try "ip -help".' >&2; exit 255 ;; esac`,
      'exec /sbin/ip "$@"',
    ),
    message: /ip does not answer what vxfleet asks: Option "-j" is unknown.*\(ip utility, iproute2-ss170501\)/,
    hint: /iproute2 5\.10/,
  },
  {
    name: 'busy-ip',
    packages: ['busybox-static'],
    make: busybox('ip'),
    message: /ip does not answer what vxfleet asks: .*\(.*BusyBox/,
    hint: /not the ip of BusyBox/,
  },
  {
    name: 'no-net-admin',
    make: withoutCapabilities('net_admin'),
    message: /root may not change the network \(no CAP_NET_ADMIN\)/,
    hint: /CapEff/,
  },
  {
    name: 'denied',
    make: `chmod 0 /etc/network/interfaces; ${withoutCapabilities('dac_override', 'dac_read_search')}`,
    message: /\/etc\/network\/interfaces cannot be opened, though we are root/,
    hint: /AppArmor, SELinux/,
  },
  {
    name: 'read-only-var',
    make: 'mount --bind /var /var; mount -o remount,bind,ro /var',
    message: /\/var\/lib\/vxfleet is not writable/,
    hint: /findmnt -T \/var\/lib\/vxfleet/,
  },
  {
    name: 'no-sync',
    make: `${moveAway('sync', '/opt')}; ${moveAway('sha256sum', '/opt')}`,
    message: /not found on the host: sha256sum, sync/,
    hint: /apt-get install .*coreutils/,
  },
];

/** A security module that keeps ifup's children from making links. */
const DENYING: OddHost = {
  name: 'denying',
  make: script(
    '/usr/local/sbin/ip',
    'case " $* " in *" link add "*) echo "RTNETLINK answers: Permission denied" >&2; exit 2 ;; esac',
    'exec /sbin/ip "$@"',
  ),
};

const HOSTS: readonly OddHost[] = [...FIT, ...UNFIT, DENYING];

/** @param withSsh how to log in; a lab is made for root alone */
const inventory = (withSsh: boolean): string =>
  [
    'prefix: 2001:db8:ae00::/40',
    'hub: { underlay: { address: 198.18.0.1, device: eth0 } }',
    'spokes:',
    ...HOSTS.map(({ name, ssh }, index) => {
      const more = ssh === undefined || !withSsh ? '' : `, ssh: ${ssh}`;
      return `  ${name}: { id: ${index + 1}, underlay: { address: 198.18.1.${index + 1}, device: eth0 }${more} }`;
    }),
    '',
  ].join('\n');

describe.skipIf(unavailable !== undefined)(`odd hosts ${unavailable ?? ''}`, () => {
  let lab: TestLab;

  const run = async (...args: string[]): Promise<ReadonlyMap<string, TunnelResult>> => {
    const { stdout } = await lab.run([...args, '--output', 'json'], { timeoutMs: 110_000 });
    const recap = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap;
    return new Map(recap.tunnels.map((tunnel) => [tunnel.spoke, tunnel]));
  };
  const fit = FIT.map(({ name }) => name);
  const unfit = UNFIT.map(({ name }) => name);
  /** Of each: its status, and why. */
  const told = (tunnels: ReadonlyMap<string, TunnelResult>) =>
    Object.fromEntries([...tunnels].map(([name, { status, error }]) => [name, [status, error?.message]]));
  const all = (names: readonly string[], status: string) =>
    Object.fromEntries(names.map((name) => [name, [status, undefined]]));

  beforeAll(async () => {
    await installFaketime();
    await fetchPackages([...new Set(HOSTS.flatMap(({ packages = [] }) => packages))]);
    lab = await startLab('odd', { inventoryText: inventory(false) });
    await writeFile(lab.inventoryPath, inventory(true));
    await Promise.all(
      HOSTS.map(async ({ name, packages = [], make }) => {
        await unpackOn(lab.name, name, packages);
        expect({ name, ...(await lab.exec(name, ['sh', '-euc', make])) }).toMatchObject({ code: 0 });
      }),
    );
  });
  afterAll(async () => lab?.down());

  it.each(['ssh2', 'openssh'])('that are fit are deployed, verified and rolled back over %s', async (transport) => {
    const options = ['--transport', transport];
    expect(told(await run('deploy', '--force', ...options, ...fit))).toEqual(all(fit, 'changed'));
    expect(told(await run('verify', ...options, ...fit))).toEqual(all(fit, 'unchanged'));
    expect(told(await run('rollback', '--remove', ...options, ...fit))).toEqual(all(fit, 'removed'));
    expect(told(await run('diff', ...options, 'fish'))).toEqual(all(['fish'], 'would_change'));
  });

  it('with a clock that is decades behind have it in our session too', async () => {
    await run('diff', 'clock');
    expect(Number((await lab.exec('clock', ['cat', '/root/year'])).stdout)).toBeLessThan(1980);
  });

  it('read the start-up file of their login shell once', async () => {
    await lab.exec('bashrc', ['rm', '/root/times']);
    await run('diff', 'bashrc');
    expect((await lab.exec('bashrc', ['cat', '/root/times'])).stdout).toBe('once\n');
  });

  describe.each(['ssh2', 'openssh'])('that are not fit, over %s', (transport) => {
    let tunnels: ReadonlyMap<string, TunnelResult>;
    beforeAll(async () => {
      tunnels = await run('deploy', '--transport', transport, ...unfit);
    });

    it.each(UNFIT)('are named and left as they are: $name', async ({ name, message, hint }) => {
      const { status, error, ends } = tunnels.get(name) ?? {};
      expect({ status, ends, error }).toMatchObject({ ends: { hub: 'untouched' } });
      expect(['failed', 'unreachable']).toContain(status);
      expect(error).toMatchObject({ end: 'spoke' });
      expect(error?.message).toMatch(message);
      expect(error?.hint).toMatch(hint);
      const left = await lab.exec(name, [
        'sh',
        '-c',
        'ls -A /run/vxfleet /etc/network/interfaces.d /sys/class/net 2>&1',
      ]);
      expect(left.stdout).not.toContain('vxlan');
    });
  });

  it('that deny ifup what it does are put back, with its words', async () => {
    const { status, error } = (await run('deploy', DENYING.name)).get(DENYING.name) ?? {};
    expect(status).toBe('reverted');
    expect(error?.message).toMatch(/ifup failed with status 1: .*RTNETLINK answers: Permission denied/);
  });

  it('that cannot be asked are not said to have no tunnel', async () => {
    const tunnels = [...(await run('verify', 'no-net-raw', 'busy-ip', 'old-ip')).values()];
    expect(tunnels.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
    for (const { error } of tunnels)
      expect(error?.message).toMatch(/no CAP_NET_RAW|ip does not answer what vxfleet asks/);
  });
});
