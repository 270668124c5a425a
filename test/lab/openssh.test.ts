/** Hosts that ssh2 cannot log in to, reached over the system's ssh without being told. */
import { execFile, spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recap, TunnelResult } from '../../src/events.js';
import { labAvailability, startLab, until, type TestLab } from './harness.js';

const unavailable = await labAvailability();
const hasSsh = spawnSync('ssh', ['-V']).error === undefined;

describe.skipIf(unavailable !== undefined || !hasSsh)(`hosts that ssh2 is not enough for ${unavailable ?? ''}`, () => {
  let lab: TestLab;

  async function deploy(...args: string[]): Promise<{ code: number | null; tunnel: TunnelResult; notices: string[] }> {
    const { code, stdout, stderr } = await lab.run([
      'deploy',
      '--force',
      '--output',
      'json',
      '--transport',
      'auto',
      ...args,
    ]);
    expect(stderr).toBe('');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; message?: string });
    const recap = events.at(-1) as unknown as Recap;
    const notices = events.filter(({ event }) => event === 'notice').map(({ message = '' }) => message);
    return { code, tunnel: recap.tunnels[0] as TunnelResult, notices };
  }

  /** Lines before all others of sshd_config, in force when the host is up again. */
  async function setSshd(host: string, ...lines: readonly string[]): Promise<void> {
    const script = `cp -n /etc/ssh/sshd_config /etc/ssh/first; { printf '%s\\n' "$@"; cat /etc/ssh/first; } >/etc/ssh/sshd_config; /usr/sbin/sshd -t`;
    expect(await lab.exec(host, ['sh', '-c', script, 'sh', ...lines])).toMatchObject({ code: 0 });
    await lab.reboot(host);
  }

  beforeAll(async () => {
    lab = await startLab('openssh', { spokes: 2 });
  });
  afterAll(async () => lab?.down());

  it('that exchange keys by sntrup761 alone are deployed over openssh, and said so', async () => {
    await setSshd('osaka', 'KexAlgorithms sntrup761x25519-sha512@openssh.com');
    const without = await deploy('--transport', 'ssh2', 'osaka');
    expect(without.code).toBe(1);
    expect(without.tunnel.error).toMatchObject({ code: 'protocol', end: 'spoke' });
    expect(without.tunnel.error?.message).toContain('no matching key exchange algorithm');
    const { code, tunnel, notices } = await deploy('osaka');
    expect(tunnel).toMatchObject({ status: 'changed', error: null });
    expect(code).toBe(0);
    expect(notices).toEqual([expect.stringMatching(/^osaka: goes over openssh, because .*no matching key exchange/)]);
    await setSshd('osaka');
  });

  it('that take certificates alone are deployed over openssh when there is one', async () => {
    const keygen = async (...argv: string[]): Promise<string> => (await promisify(execFile)('ssh-keygen', argv)).stdout;
    const [ca, key] = [join(lab.home, 'ca'), join(lab.home, '.ssh/id_ed25519')];
    await keygen('-q', '-t', 'ed25519', '-N', '', '-f', ca);
    const trusted = await keygen('-y', '-f', ca);
    const write = 'printf %s "$1" >/etc/ssh/ca.pub';
    expect(await lab.exec('tokyo', ['sh', '-c', write, 'sh', trusted])).toMatchObject({ code: 0 });
    await setSshd('tokyo', 'TrustedUserCAKeys /etc/ssh/ca.pub', 'AuthorizedKeysFile none');
    const without = await deploy('tokyo');
    expect(without.tunnel).toMatchObject({ status: 'unreachable', error: { code: 'auth', end: 'spoke' } });

    await keygen('-q', '-s', ca, '-I', 'operator', '-n', 'root', `${key}.pub`);
    const { code, tunnel } = await deploy('tokyo');
    expect(tunnel).toMatchObject({ status: 'changed', error: null });
    expect(code).toBe(0);

    await keygen('-q', '-s', ca, '-I', 'operator', '-n', 'somebody', `${key}.pub`);
    const other = await deploy('tokyo');
    expect(other.tunnel.error).toMatchObject({ code: 'auth', end: 'spoke' });
    expect(other.tunnel.error?.message).toContain('login refused by root@198.18.1.1 port 22; tried ');
    await rm(`${key}-cert.pub`);
  });

  it('that are known by an authority alone are deployed over openssh', async () => {
    await setSshd('tokyo');
    const keygen = async (...argv: string[]): Promise<string> => (await promisify(execFile)('ssh-keygen', argv)).stdout;
    const ca = join(lab.home, 'host-ca');
    await keygen('-q', '-t', 'ed25519', '-N', '', '-f', ca);
    const hostKey = '/etc/ssh/ssh_host_ed25519_key';
    const { stdout } = await lab.exec('tokyo', ['cat', `${hostKey}.pub`]);
    await writeFile(join(lab.home, 'tokyo.pub'), stdout);
    await keygen('-q', '-s', ca, '-I', 'tokyo', '-h', '-n', '198.18.1.1', join(lab.home, 'tokyo.pub'));
    const certificate = await readFile(join(lab.home, 'tokyo-cert.pub'), 'utf8');
    await lab.exec('tokyo', ['sh', '-c', `printf %s "$1" >${hostKey}-cert.pub`, 'sh', certificate]);
    await setSshd('tokyo', `HostCertificate ${hostKey}-cert.pub`);
    const knownHosts = join(lab.home, '.ssh/known_hosts');
    const original = await readFile(knownHosts, 'utf8');
    const others = original.split('\n').filter((line) => !line.startsWith('198.18.1.1 '));
    await writeFile(knownHosts, [`@cert-authority 198.18.1.* ${await keygen('-y', '-f', ca)}`, ...others].join('\n'));
    expect((await deploy('--transport', 'ssh2', 'tokyo')).tunnel.error).toMatchObject({ code: 'host-key' });
    const { code, tunnel } = await deploy('tokyo');
    expect(tunnel).toMatchObject({ status: 'changed', error: null });
    expect(code).toBe(0);
    await writeFile(knownHosts, original);
  });

  it('leave no login at a jump host when the run is killed', async () => {
    await setSshd('tokyo');
    const original = await readFile(lab.inventoryPath, 'utf8');
    await writeFile(lab.inventoryPath, original.replace(/(\n {4}id: 1\b)/, '\n    ssh: { proxy_jump: hub }$1'));
    const logins = async (): Promise<number> => {
      const { stdout } = await lab.exec('hub', ['ss', '-Htn', 'state', 'established', 'sport', '=', ':22']);
      return stdout.split('\n').filter((line) => line !== '').length;
    };
    expect(await logins()).toBe(0);
    // It takes connections, and says nothing.
    await lab.exec('tokyo', ['pkill', '-STOP', '-x', 'sshd']);
    const kill = new AbortController();
    const running = lab.run(['verify', 'tokyo', '--transport', 'openssh', '--connect-timeout', '60'], {
      kill: kill.signal,
    });
    // The hub's own session, and the way to tokyo.
    await until('the way through the hub', async () => (await logins()) >= 2);
    kill.abort();
    await running;
    await until('the end of every login', async () => (await logins()) === 0);
    await lab.exec('tokyo', ['pkill', '-CONT', '-x', 'sshd']);
    await writeFile(lab.inventoryPath, original);
    expect(await lab.run(['verify', 'tokyo'])).toMatchObject({ code: 0 });
  });

  it('are spared by ssh2 what they need not do: proofs of other host keys, three segments for each packet', async () => {
    const debug = await lab.spawnExec('osaka', ['/usr/sbin/sshd', '-ddd', '-p', '2222', '-E', '/run/debug.log']);
    const log = async (): Promise<string> => (await lab.exec('osaka', ['cat', '/run/debug.log'])).stdout;
    await until('an sshd on port 2222', async () => (await log()).includes('Server listening on'));
    const original = await readFile(lab.inventoryPath, 'utf8');
    await writeFile(lab.inventoryPath, original.replace(/(\n {4}id: 2\b)/, '\n    ssh: { port: 2222 }$1'));
    const segments = async (): Promise<number> => {
      const { stdout } = await lab.exec('osaka', ['grep', '^Tcp:', '/proc/net/snmp']);
      const [names = [], values = []] = stdout.split('\n').map((line) => line.split(' '));
      return Number(values[names.indexOf('InSegs')]);
    };
    const before = await segments();
    await lab.run(['diff', 'osaka', '--transport', 'ssh2']);
    // It serves one connection.
    await debug.ended;
    await writeFile(lab.inventoryPath, original);
    const said = await log();
    expect(said).toMatch(/notify_hostkeys: sent \d+ hostkeys/);
    expect(said).not.toContain('hostkeys-prove');
    // Acknowledgements are among them: 22 for 11 packets, and 45 when each of their pieces has one.
    const packets = said.match(/receive packet: type/g)?.length ?? 0;
    expect((await segments()) - before).toBeLessThan(3 * packets);
  });
});
