import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { readLabState } from '../../src/lab/lab-state.js';
import { labAvailability, startLab, type TestLab } from './harness.js';
import { untilAgentAnswers } from '../ssh/ssh-test-server.js';
import { runOnTerminal } from './terminal.js';

const unavailable = await labAvailability();

/** The fleet that a person with an ssh_config writes: tokyo is an alias, and answers only what comes through the hub. */
describe.skipIf(unavailable !== undefined)('a spoke that only the hub reaches', () => {
  let lab: TestLab;
  let original: string;
  let agent: ChildProcess;
  let agentSocket: string;

  const configFile = () => join(lab.home, '.ssh/config');
  const setSpoke = async (ssh: string): Promise<void> => {
    const text = original.replace(/(\n {4}id: 1\b)/, `\n    ssh: ${ssh}$1`);
    expect(text).not.toBe(original);
    await writeFile(lab.inventoryPath, text);
  };
  const recapOf = (stdout: string): Recap => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap;
  const runJson = async (...argv: string[]) => {
    const { code, stdout } = await lab.run([...argv, '--output', 'json'], { env: { SSH_AUTH_SOCK: agentSocket } });
    return { code, tunnel: recapOf(stdout).tunnels[0] };
  };

  beforeAll(async () => {
    lab = await startLab('ssh', { spokes: 2 });
    original = await readFile(lab.inventoryPath, 'utf8');
    const controller = (await readLabState(lab.name))?.controller ?? '';
    // What comes from the controller itself is never answered.
    const cut = await lab.exec('tokyo', ['ip', 'route', 'add', 'blackhole', `${controller}/32`]);
    expect(cut).toMatchObject({ code: 0 });
    // The key is in an agent and nowhere else.
    agentSocket = join(lab.home, 'agent.sock');
    agent = spawn('ssh-agent', ['-D', '-a', agentSocket], { stdio: 'ignore' });
    await untilAgentAnswers(agentSocket);
    const key = join(lab.home, '.ssh/id_ed25519');
    await promisify(execFile)('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: agentSocket } });
    await rename(key, join(lab.home, 'not-a-default-key'));
  });
  afterAll(async () => {
    agent?.kill();
    await lab?.down();
  });
  beforeEach(async () => {
    await writeFile(configFile(), '');
    await writeFile(lab.inventoryPath, original);
  });

  it('is not reached directly', async () => {
    const { code, tunnel } = await runJson('verify', 'tokyo', '--connect-timeout', '1');
    expect(code).toBe(1);
    expect(tunnel).toMatchObject({ status: 'unreachable', error: { code: 'connect', end: 'spoke' } });
  });

  it('deploys from an alias of ssh_config, through the hub, with a key of the agent', async () => {
    await setSpoke('{ host: tk }');
    await writeFile(
      configFile(),
      `Host tk
  HostName 198.18.1.1
  ProxyJump gate
Host gate
  HostName 198.18.0.1
Host *
  IdentityFile none
  UserKnownHostsFile ~/.ssh/known_hosts
`,
    );
    const deployed = await lab.run(['deploy', 'tokyo', '-v'], { env: { SSH_AUTH_SOCK: agentSocket } });
    expect(deployed).toMatchObject({ code: 0 });
    expect(deployed.stdout).toContain('1 tunnel: 1 changed');
    expect(deployed.stderr).toContain('tokyo: resolve: tk is root@198.18.1.1 port 22 through root@198.18.0.1 port 22');
    expect(deployed.stderr).toMatch(/jump host gate: auth: root is in with .*ED25519 .*SHA256:/);
    expect(deployed.stderr).toContain('tokyo: connect: 198.18.1.1 port 22 through root@198.18.0.1 port 22');
    expect(await runJson('verify', 'tokyo')).toMatchObject({ code: 0, tunnel: { status: 'unchanged' } });

    const shown = await lab.run(['inventory', '--ssh', 'tokyo', '--output', 'json']);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      hosts: [
        { host: 'hub', settings: { proxy_jump: { value: [], from: 'default' } } },
        {
          host: 'tokyo',
          alias: 'tk',
          settings: {
            host: { value: '198.18.1.1', from: 'ssh_config' },
            proxy_jump: { value: ['root@198.18.0.1:22'], from: 'ssh_config' },
            user_known_hosts_file: { value: [join(lab.home, '.ssh/known_hosts')] },
          },
        },
      ],
    });
  });

  it('deploys as admin with sudo, with all that is said of the way there in ssh_config', async () => {
    const prepared = await lab.exec('tokyo', [
      'sh',
      '-euc',
      `useradd -m -d /home/admin -s /bin/bash -p '*' admin
       install -d -o admin -m 700 /home/admin/.ssh
       install -o admin -m 600 /root/.ssh/authorized_keys /home/admin/.ssh/
       echo 'admin ALL=(root) NOPASSWD: /usr/bin/bash' >/etc/sudoers.d/vxfleet
       mv /root/.ssh/authorized_keys /root/.ssh/kept`,
    ]);
    expect(prepared).toMatchObject({ code: 0 });
    try {
      const withSudo = original.replace('\nhub:', '\ndefaults: { ssh: { become: true } }\n\nhub:');
      await writeFile(lab.inventoryPath, withSudo.replace(/(\n {4}id: 1\b)/, '\n    ssh: { host: far }$1'));
      await writeFile(
        configFile(),
        `Host far
  HostName 198.18.1.1
  User admin
  ProxyJump root@198.18.0.1
Host *
  IdentityFile none
`,
      );
      const { code, stdout, stderr } = await lab.run(['deploy', 'tokyo', '--force', '-v'], {
        env: { SSH_AUTH_SOCK: agentSocket },
      });
      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('1 tunnel: 1 changed') as string,
      });
      expect(stderr).toMatch(/tokyo: auth: admin is in with .*ED25519 .*SHA256:/);
    } finally {
      await lab.exec('tokyo', ['mv', '/root/.ssh/kept', '/root/.ssh/authorized_keys']);
    }
  });

  it('is reached with proxy_jump: hub in the inventory alone', async () => {
    await setSpoke('{ proxy_jump: hub }');
    expect(await runJson('deploy', 'tokyo', '--force')).toMatchObject({ code: 0, tunnel: { status: 'changed' } });
  });

  it('shares the failure of a dead jump host, which is told once', async () => {
    const text = original.replace(
      '\nhub:',
      '\ndefaults: { ssh: { proxy_jump: root@198.18.9.9 } }\n\nhub:\n  ssh: { proxy_jump: [] }',
    );
    await writeFile(lab.inventoryPath, text);
    const { code, stdout, stderr } = await lab.run(['verify', '--connect-timeout', '1'], {
      env: { SSH_AUTH_SOCK: agentSocket },
    });
    expect(code).toBe(1);
    expect(stdout).toContain('2 tunnels');
    const told = `${stdout}${stderr}`.split('the jump host 198.18.9.9 cannot be passed').length - 1;
    // As it happens, and in the recap.
    expect(told).toBe(2);
  });

  it('is let in by a password, which is asked for once and shown nowhere', async () => {
    await setSpoke('{ proxy_jump: hub }');
    const password = 'correct-horse-battery';
    const prepared = await lab.exec('tokyo', [
      'sh',
      '-euc',
      `echo 'root:${password}' | chpasswd; sed -i '1i PermitRootLogin yes\\nPasswordAuthentication yes' /etc/ssh/sshd_config
       mv /root/.ssh/authorized_keys /root/.ssh/kept; kill -HUP "$(cat /run/sshd.pid)"; sleep 1`,
    ]);
    expect({ ...prepared }).toEqual({ code: 0, stdout: '', stderr: '' });
    let processes = '';
    const { code, shown } = await runOnTerminal(
      lab.name,
      ['diff', 'tokyo', '--transport', 'auto', '--ask-pass', '-v', '--output', 'plain'],
      {
        question: 'SSH password: ',
        answer: password,
        env: { SSH_AUTH_SOCK: agentSocket, TERM: 'dumb' },
        onShown: (text) => {
          if (text.includes('tokyo: auth:') && processes === '') processes = readProcesses();
        },
      },
    );
    expect(code, shown).toBe(0);
    expect(shown).toMatch(/tokyo: auth: root is in with the password/);
    expect(shown.split('SSH password: ')).toHaveLength(2);
    expect(processes).toContain('--ask-pass');
    expect(shown).not.toContain(password);
    expect(processes).not.toContain(password);
  });
});

/** The arguments and environments of every process, the hosts' too. */
function readProcesses(): string {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const files = pids.flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]);
  return files
    .map((file) => {
      try {
        return readFileSync(file, 'utf8');
      } catch {
        return ''; // it has ended
      }
    })
    .join('\n');
}
