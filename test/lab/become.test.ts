/** Hosts whose login is not root, with Debian's own sudo. */
import { readFile, writeFile } from 'node:fs/promises';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { stateDirectory } from '../../src/lab/lab-paths.js';
import { labAvailability, startLab, until, type TestLab } from './harness.js';
import { runOnTerminal } from './terminal.js';

const unavailable = await labAvailability();

const PASSWORD = 'Vx7-quite-unlikely-Kw2';
const HOSTS = ['hub', 'tokyo', 'osaka'];
/** The least that is enough, as docs/ssh.md has it. */
const NOPASSWD = 'admin ALL=(root) NOPASSWD: /usr/bin/bash';
const WITH_PASSWORD = 'admin ALL=(root) /usr/bin/bash';

describe.skipIf(unavailable !== undefined)(`hosts where the login becomes root ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let original: string;
  /** Holds the password, for `grep -f`: no command line has it. */
  let secret: string;

  const recapOf = (stdout: string): Recap => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap;
  const run = async (...args: string[]): Promise<{ code: number | null; recap: Recap }> => {
    const { code, stdout } = await lab.run([...args, '--output', 'json']);
    return { code, recap: recapOf(stdout) };
  };
  const typed = async (args: readonly string[], answer = PASSWORD, stdout?: string) =>
    runOnTerminal(lab.name, args, { question: 'sudo password: ', answer, stdout });
  /** As root on a host; must succeed. */
  const on = async (host: string, script: string): Promise<string> => {
    const outcome = await lab.exec(host, ['sh', '-euc', script]);
    expect({ script, ...outcome }).toMatchObject({ code: 0 });
    return outcome.stdout;
  };
  const allow = async (host: string, ...lines: string[]): Promise<void> => {
    const file = '/etc/sudoers.d/vxfleet';
    await on(host, `printf '%s\\n' '${lines.join("' '")}' >${file}; chmod 440 ${file}; visudo -cqf ${file}`);
  };
  /** Trials, candidates and processes of ours, sudo's too. */
  const leftovers = async (host: string): Promise<string> =>
    on(
      host,
      'ls -A /run/vxfleet 2>/dev/null; ls -A /etc/network/interfaces.d | grep "^\\." || true; pgrep -af "^[v]xfleet: |[s]udo" || true',
    );

  beforeAll(async () => {
    lab = await startLab('become', { spokes: 2 });
    secret = join(lab.scratch, 'secret');
    await writeFile(secret, `${PASSWORD}\n`, { mode: 0o600 });
    const text = await readFile(lab.inventoryPath, 'utf8');
    const ssh = 'ssh: { user: admin, become: true }';
    original = text.replace('\nhub:\n', `\ndefaults:\n  ${ssh}\n\nhub:\n  ${ssh}\n`);
    for (const host of HOSTS) {
      await on(
        host,
        `useradd -m -d /home/admin -s /bin/bash admin; echo 'admin:${PASSWORD}' | chpasswd
        install -d -o admin -m 700 /home/admin/.ssh
        install -o admin -m 600 /root/.ssh/authorized_keys /home/admin/.ssh/authorized_keys`,
      );
    }
  });
  beforeEach(async () => {
    await writeFile(lab.inventoryPath, original);
    for (const host of HOSTS) await allow(host, NOPASSWD);
  });
  afterAll(async () => {
    await lab?.down();
  });

  it('are deployed, verified and rolled back without a password by a NOPASSWD rule for bash', async () => {
    expect(await run('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 2 } } });
    expect(await run('verify')).toMatchObject({ code: 0 });
    expect(await on('tokyo', 'ls -ld /var/lib/vxfleet/vxlan01')).toMatch(/^drwx------ \d+ root root /);
    expect((await lab.run(['history'])).stdout).toContain('confirmed');
    expect(await run('rollback', '--remove')).toMatchObject({ code: 0 });
    expect(await run('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 2 } } });
    for (const host of HOSTS) expect(await leftovers(host)).toBe('');
  });

  it.each([
    ['as Debian ships it', []],
    ['that hands stdin on through pipes of its own', ['Defaults log_input, log_output']],
  ] as const)('put a trial back when the session is lost, with a sudo %s', async (_what, defaults) => {
    await allow('tokyo', ...defaults, NOPASSWD);
    await allow('hub', ...defaults, NOPASSWD);
    expect((await run('deploy')).code).toBe(0);
    const block = 'ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 4999 dir in action block';
    await on('tokyo', block);
    try {
      await writeFile(lab.inventoryPath, original.replace(/(\n {4}id: 1\b)/, '\n    vxlan: { dstport: 4999 }$1'));
      const kill = new AbortController();
      const argv = ['deploy', 'tokyo', '--verify-timeout', '120', '--window', '600'];
      const deploy = lab.run(argv, { kill: kill.signal });
      const trial = '/run/vxfleet/vxlan01';
      const isArmed = async (): Promise<boolean> =>
        (await lab.exec('tokyo', ['test', '-e', `${trial}/armed`])).code === 0;
      await until('the trial is open', isArmed);
      // sudo drops SSH_CONNECTION; whoever meets the trial is told where it comes from all the same.
      expect(await on('tokyo', `sed -n 2p ${trial}/who`)).toMatch(/^198\.(18|19)\.\d+\.\d+\n$/);
      kill.abort();
      expect((await deploy).code).toBeNull();
      // By the session's end: the window would be over only after minutes.
      for (const host of ['tokyo', 'hub']) await until('nothing is left', async () => (await leftovers(host)) === '');
      expect(await on('tokyo', 'ip -d link show vxlan01')).toContain('dstport 4789');
    } finally {
      await on('tokyo', 'ip xfrm policy flush');
    }
  });

  describe('with a password', () => {
    beforeEach(async () => {
      const log = ['Defaults logfile=/var/log/sudo.log', 'Defaults log_input, log_output, !compress_io'];
      await allow('hub', WITH_PASSWORD);
      await allow('tokyo', ...log, 'Defaults lecture=always', WITH_PASSWORD);
    });

    it('show it to nobody: not in processes, environments, files and outputs, on either side', async () => {
      // The hosts' processes are processes of this machine.
      const look = 'while :; do grep -laF -f "$0" /proc/[0-9]*/cmdline /proc/[0-9]*/environ; done 2>/dev/null';
      const watcher = spawn('bash', ['-c', look, secret]);
      const seen: string[] = [];
      watcher.stdout.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
      const outputs: string[] = [];
      try {
        // It does see what it looks for.
        const control = spawn('sleep', ['1'], { env: { CONTROL: PASSWORD, PATH: process.env['PATH'] } });
        await once(control, 'exit');
        expect(seen.join('')).toContain(`/proc/${control.pid}/environ`);
        seen.length = 0;

        for (const output of ['live', 'plain', 'json']) {
          const file = join(lab.scratch, `stdout-${output}`);
          const { code, shown } = await typed(
            ['deploy', '--force', '-v', '--ask-become-pass', '--output', output],
            PASSWORD,
            output === 'json' ? file : undefined,
          );
          expect({ code, shown }).toMatchObject({ code: 0 });
          expect(shown.split('sudo password: ')).toHaveLength(2);
          outputs.push(shown, output === 'json' ? await readFile(file, 'utf8') : '');
        }
        outputs.push((await typed(['history', '-v', '--ask-become-pass'])).shown);
      } finally {
        watcher.kill();
      }
      expect(outputs.join('\n')).toContain('"changed":2');
      expect(outputs.join('\n')).not.toContain(PASSWORD);
      expect(seen).toEqual([]);
      // sudo was asked, and has logged what went through it.
      expect(await on('tokyo', 'cat /var/log/sudo.log')).toMatch(/COMMAND=\/usr\/bin\/bash/);
      expect(await on('tokyo', 'find /var/log/sudo-io -name stdin | head -n 1')).not.toBe('');
      // The hosts' disks and consoles, the controller's HOME; then what the hosts have in memory.
      await expect(filesWithPassword([stateDirectory(lab.name)])).resolves.toEqual([]);
      for (const host of HOSTS) {
        await on(
          host,
          `cat >/dev/shm/look <<'END'\n${PASSWORD}\nEND\nif grep -rlaF -f /dev/shm/look /run /tmp; then exit 1; fi; rm /dev/shm/look`,
        );
      }
    });

    it('that is wrong is tried once, and nothing of ours is started or left', async () => {
      const { code, shown } = await typed(['deploy', '--force', '--ask-become-pass', '--output', 'plain'], 'wrong');
      expect(code).toBe(1);
      expect(shown).toContain('sudo on hub did not take the password for admin');
      expect(await on('hub', 'ls -A /run/vxfleet 2>/dev/null || true')).toBe('');
      for (const host of HOSTS) expect(await leftovers(host)).toBe('');
    });
  });

  it.each([
    ['wants a password', 'true', [WITH_PASSWORD], /wants a password/, /--ask-become-pass/],
    ['wants a terminal', 'true', ['Defaults requiretty', NOPASSWD], /wants a terminal/, /!requiretty/],
    ['has no rule for the login', 'true', ['# none'], /has no rule for admin/, /NOPASSWD: \/usr\/bin\/bash/],
    ['is missing', 'mv /usr/bin/sudo /usr/bin/sudo.away', [NOPASSWD], /tokyo has no sudo/, /apt-get install sudo/],
    ['cannot become root', 'chmod u-s /usr/bin/sudo', [NOPASSWD], /did not start bash.*setuid/, /sudo bash -c true/],
  ] as const)('are left as they are by a sudo that %s', async (_what, breakIt, rules, message, hint) => {
    expect((await run('deploy')).code).toBe(0);
    const index = await on('tokyo', 'cat /sys/class/net/vxlan01/ifindex');
    await allow('tokyo', ...rules);
    await on('tokyo', breakIt);
    try {
      const { code, recap } = await run('deploy', 'tokyo', '--force');
      expect(code).toBe(1);
      const [tunnel] = recap.tunnels;
      expect(tunnel).toMatchObject({ status: 'unreachable', error: { code: 'auth', end: 'spoke' } });
      expect(tunnel?.error?.message).toMatch(message);
      expect(tunnel?.error?.hint).toMatch(hint);
      expect(await on('tokyo', 'cat /sys/class/net/vxlan01/ifindex')).toBe(index);
      for (const host of HOSTS) expect(await leftovers(host)).toBe('');
    } finally {
      await on(
        'tokyo',
        'if [ -e /usr/bin/sudo.away ]; then mv /usr/bin/sudo.away /usr/bin/sudo; fi; chmod u+s /usr/bin/sudo',
      );
    }
  });

  it('are told apart from those where the inventory has not said so', async () => {
    await writeFile(lab.inventoryPath, original.replaceAll(', become: true', ''));
    const { code, recap } = await run('deploy', 'tokyo');
    expect(code).toBe(1);
    expect(recap.tunnels[0]?.error).toMatchObject({
      layer: 'ssh',
      message: expect.stringMatching(/the login is not root \(uid \d+\)/) as string,
      hint: expect.stringContaining('set ssh.become to true') as string,
    });
    const { stderr } = await lab.run(['history']);
    expect(stderr).toContain('only root reads /var/lib/vxfleet');
  });

  /** Files that hold the password, but for the test's own. */
  async function filesWithPassword(directories: readonly string[]): Promise<string[]> {
    const grep = promisify(execFile)('grep', ['-rlaF', '-f', secret, ...directories], { maxBuffer: 1e7 });
    return grep.then(
      ({ stdout }) => stdout.split('\n').filter(Boolean),
      ({ code }: { code: number }) => {
        expect(code).toBe(1);
        return [];
      },
    );
  }
});
