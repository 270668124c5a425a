/** Hosts that ssh2 cannot log in to, reached over the system's ssh without being told. */
import { execFile, spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recap, TunnelResult } from '../../src/events.js';
import { labAvailability, startLab, type TestLab } from './harness.js';

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
});
