import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import { loadInventory } from '../../src/inventory/load-inventory.js';
import { generateInventory } from '../../src/lab/generate-inventory.js';
import { labDown } from '../../src/lab/lab-down.js';
import {
  controllerNamespace,
  hostNamespace,
  isNamespaceOf,
  programFile,
  stateDirectory,
} from '../../src/lab/lab-paths.js';
import { describeGeneratedLab, describeLab } from '../../src/lab/lab-hosts.js';
import { generateOpensshKey } from '../../src/lab/openssh-keys.js';
import { labStatus } from '../../src/lab/lab-status.js';
import { labUp } from '../../src/lab/lab-up.js';
import { findInit, listNamespaces } from '../../src/lab/namespace-processes.js';
import { runProgram } from '../../src/lab/run-program.js';
import { DIST, MODULES, labAvailability, labOfCheckout, startLab, type TestLab } from './harness.js';

const unavailable = await labAvailability();
const silent = (): void => undefined;

/** What there is of a lab on this machine; other labs may come and go meanwhile. */
function takeStock(lab: string) {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  const marks = [`${stateDirectory(lab)}/`, `vxl-${lab}-`, `vxl-${lab}.`];
  const isMarked = (content: string): boolean => marks.some((mark) => content.includes(mark));
  return {
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(isMarked).length,
    namespaces: listNamespaces().filter((namespace) => isNamespaceOf(lab, namespace)).length,
    processes: pids.filter(
      (pid) =>
        isMarked(read(`/proc/${pid}/cmdline`)) ||
        read(`/proc/${pid}/mountinfo`).includes(`${stateDirectory(lab)}/disks/.image`),
    ).length,
    files: existsSync(stateDirectory(lab)) ? 1 : 0,
  };
}

const NOTHING = { mounts: 0, namespaces: 0, processes: 0, files: 0 };

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

describe('lab inventory', () => {
  it.each([1, 3, 8, 255])('of %i spokes is accepted, and describes the hosts that are started', async (spokes) => {
    const path = join(tmpdir(), `vxfleet-generated-${process.pid}.yaml`);
    writeFileSync(path, generateInventory(spokes));
    try {
      const result = await loadInventory(path);
      if (!result.ok) expect.fail(JSON.stringify(result.problems));
      expect(describeLab(result.inventory)).toEqual(describeGeneratedLab(spokes));
      expect(result.inventory.spokes.filter(({ mode }) => mode === 'policy')).toHaveLength(Math.floor(spokes / 3));
    } finally {
      rmSync(path);
    }
  });
});

describe('lab keys', () => {
  it('are read by an SSH library as the key they belong to', () => {
    for (let round = 0; round < 50; round += 1) {
      const { privateKey, publicKey } = generateOpensshKey('root@tokyo');
      const parsed = ssh2.utils.parseKey(privateKey);
      if (parsed instanceof Error) throw parsed;
      expect(`ssh-ed25519 ${parsed.getPublicSSH().toString('base64')}`).toBe(publicKey);
      expect(parsed.verify('data', parsed.sign('data'))).toBe(true);
    }
  });
});

/** `vxfleet lab up` as a process of its own, which can be killed. */
function spawnUp(lab: string) {
  const program = `import { labUp } from '${MODULES}/lab/lab-up.js'; await labUp({ name: '${lab}', spokes: 8, log: console.log });`;
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe.skipIf(unavailable !== undefined)('lab up and down', () => {
  const name = labOfCheckout('testupdown');
  afterAll(() => labDown({ name }));

  it('leaves nothing behind', async () => {
    await labDown({ name });
    expect(takeStock(name)).toEqual(NOTHING);
    await labUp({ name, spokes: 3, log: silent });
    const stock = takeStock(name);
    expect(stock).toMatchObject({ namespaces: 6, files: 1 });
    expect(stock.processes).toBeGreaterThanOrEqual(4);
    expect(await labDown({ name })).toBe(true);
    expect(takeStock(name)).toEqual(NOTHING);
    expect(await labDown({ name })).toBe(false);
  });

  it.each([150, 250, 350, 450, 600, 900])('leaves nothing behind when up is killed after %i ms', async (delayMs) => {
    const up = spawnUp(name);
    const ended = once(up, 'close');
    await sleep(delayMs);
    up.kill('SIGKILL');
    await ended;
    await labDown({ name });
    expect(takeStock(name)).toEqual(NOTHING);
    // Whoever was on the way when up died must not come to life later.
    await sleep(300);
    expect(takeStock(name)).toEqual(NOTHING);
  });

  it('starts over what a killed up left', async () => {
    const up = spawnUp(name);
    const ended = once(up, 'close');
    await sleep(400);
    up.kill('SIGKILL');
    await ended;
    await labUp({ name, spokes: 1, log: silent });
    expect((await labStatus(name)).hosts.map((host) => [host.name, host.isRunning])).toEqual([
      ['hub', true],
      ['tokyo', true],
    ]);
    await labDown({ name });
    expect(takeStock(name)).toEqual(NOTHING);
  });

  it('leaves nothing behind when a host died before', async () => {
    await labUp({ name, spokes: 2, log: silent });
    process.kill(findInit(hostNamespace(name, 'tokyo')) ?? 0, 'SIGKILL');
    await sleep(100);
    expect((await labStatus(name)).hosts.map(({ isRunning }) => isRunning)).toEqual([true, false, true]);
    await labDown({ name });
    expect(takeStock(name)).toEqual(NOTHING);
  });

  it('says that a lab is up already, and how to end it', async () => {
    await labUp({ name, spokes: 1, log: silent });
    const error = await labUp({ name, spokes: 1, log: silent }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(VxfleetError);
    expect(error).toMatchObject({ code: 'lab', hint: expect.stringContaining('vxfleet lab down') as string });
    await labDown({ name });
  });

  it('makes way for nothing but a proper name and number', async () => {
    await expect(labUp({ name: 'a-b', spokes: 1, log: silent })).rejects.toThrow('cannot be a lab');
    await expect(labUp({ name, spokes: 256, log: silent })).rejects.toThrow('1 to 255');
  });
});

describe.skipIf(unavailable !== undefined)('lab image', () => {
  const cache = '/var/tmp/vxfleet-lab-image-test';
  const build = (copy: string) =>
    ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'].concat([
      // A TMPDIR that is the machine's own is not in the image.
      'env',
      'TMPDIR=/var/tmp/not-there',
      'bash',
      programFile('build-image.bash'),
      cache,
      'key',
      copy,
    ]);
  afterAll(() => rmSync(cache, { recursive: true, force: true }));

  it('is built once by two who want it at once, also after a build was killed', async () => {
    mkdirSync(cache, { recursive: true });
    const [command = '', ...args] = build(`${cache}/0`);
    const killed = spawn(command, args, { stdio: 'ignore' });
    const ended = once(killed, 'close');
    await sleep(1500);
    killed.kill('SIGKILL');
    await ended;
    expect(read('/proc/self/mountinfo')).not.toContain(cache);
    expect(existsSync(`${cache}/building`)).toBe(true);
    const lines: string[] = [];
    const onLine = (line: string): void => void lines.push(line);
    await Promise.all(['1', '2'].map((copy) => runProgram(build(`${cache}/${copy}`), { onLine })));
    expect(readdirSync(cache).sort()).toEqual(['1', '2', 'key']);
    expect(existsSync(`${cache}/1/upper/etc/network/interfaces`)).toBe(true);
    expect(lines.length).toBeLessThanOrEqual(1);
  });
});

describe.skipIf(unavailable !== undefined)('lab hosts', () => {
  const name = labOfCheckout('testhosts');
  let lab: TestLab;
  beforeAll(async () => {
    lab = await startLab('testhosts', { spokes: 2 });
  });
  afterAll(() => lab.down());

  const ssh = (address: string, namespace?: string) =>
    runProgram([
      ...(namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]),
      ...['timeout', '3', 'bash', '-c', `exec 3<>/dev/tcp/${address}/22; head -c 7 <&3`],
    ]);

  it('run a command that is given with -- before it, or without', async () => {
    for (const dashes of [[], ['--']]) {
      const argv = [`${DIST}/bin.js`, 'lab', 'exec', '--name', name, 'tokyo', ...dashes, 'echo', '-n', '--', 'x'];
      expect(await runProgram([process.execPath, ...argv])).toBe('-- x');
    }
  });

  it('have nothing of the machine that is private', async () => {
    const list =
      'find /root /home /opt /srv /etc/ssh /etc/cron.d /var/spool/cron /etc/profile.d /var/lib/vxfleet -type f | sort';
    expect((await lab.exec('tokyo', ['bash', '-c', list])).stdout.trim().split('\n')).toEqual([
      '/etc/ssh/ssh_host_ed25519_key',
      '/etc/ssh/ssh_host_ed25519_key.pub',
      '/etc/ssh/sshd_config',
      '/root/.ssh/authorized_keys',
    ]);
    expect((await lab.exec('tokyo', ['ls', '/work'])).code).not.toBe(0);
    expect((await lab.exec('tokyo', ['grep', '-c', ':[^*!:]', '/etc/shadow'])).stdout).not.toMatch(/[$]/);
  });

  it('can change neither the machine nor its kernel', async () => {
    const attempts = [
      'echo 1 >/proc/sys/vm/swappiness',
      'test -f /proc/sysrq-trigger',
      'test -e /dev/vda',
      'test -e /dev/sda',
    ];
    for (const attempt of attempts)
      expect((await lab.exec('tokyo', ['bash', '-c', attempt])).code, attempt).not.toBe(0);
    await lab.exec('tokyo', ['touch', '/usr/lab-was-here']);
    expect(existsSync('/usr/lab-was-here')).toBe(false);
  });

  it('are hosts of their own: name, processes, device, no default route', async () => {
    expect((await lab.exec('tokyo', ['uname', '-n'])).stdout).toBe('tokyo\n');
    expect((await lab.exec('tokyo', ['cat', '/proc/1/comm'])).stdout).toBe('bash\n');
    expect((await lab.exec('tokyo', ['ip', '-br', '-4', 'address'])).stdout).toMatch(/eth0@\S+ +UP +198\.18\.1\.1\/15/);
    expect((await lab.exec('tokyo', ['ip', 'route', 'show', 'default'])).stdout).toBe('');
    const forwarding = ['sysctl', '-n', 'net.ipv6.conf.all.forwarding'];
    expect((await lab.exec('hub', forwarding)).stdout).toBe('1\n');
    expect((await lab.exec('tokyo', forwarding)).stdout).toBe('0\n');
  });

  it('reap orphans', async () => {
    await lab.exec('tokyo', ['bash', '-c', '(sleep 0.2 &) ; exit 0']);
    await sleep(500);
    expect((await lab.exec('tokyo', ['ps', '-eo', 'stat='])).stdout).not.toMatch(/^Z/m);
  });

  it('answer with SSH to their controller alone', async () => {
    expect(await ssh('198.18.1.1', controllerNamespace(name))).toBe('SSH-2.0');
    await expect(ssh('198.18.1.1')).rejects.toThrow();
  });

  it('present the key that the controller knows', async () => {
    const known = read(`${lab.home}/.ssh/known_hosts`).split('\n');
    const key = (await lab.exec('osaka', ['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])).stdout.split(' ');
    expect(known).toContain(`198.18.1.2 ${key.slice(0, 2).join(' ')}`);
  });

  it('keep their disk over a reboot, and nothing else', async () => {
    await lab.exec('tokyo', [
      'bash',
      '-c',
      'echo kept >/etc/kept; touch /run/gone /tmp/gone; ip link add gone9 type bridge',
    ]);
    expect((await lab.exec('tokyo', ['ls', '/sys/class/net'])).stdout).toContain('gone9');
    const mac = ['cat', '/sys/class/net/eth0/address'];
    const before = await lab.exec('tokyo', mac);
    await lab.reboot('tokyo');
    expect((await lab.exec('tokyo', ['cat', '/etc/kept'])).stdout).toBe('kept\n');
    expect((await lab.exec('tokyo', ['ls', '/run/gone', '/tmp/gone'])).stdout).toBe('');
    expect((await lab.exec('tokyo', ['ls', '/sys/class/net'])).stdout).not.toContain('gone9');
    expect(await lab.exec('tokyo', mac)).toEqual(before);
    expect((await lab.exec('hub', ['ping', '-c1', '-W2', '198.18.1.1'])).code).toBe(0);
    expect(await ssh('198.18.1.1', controllerNamespace(name))).toBe('SSH-2.0');
  });

  it('are cut off and healed, also over a reboot', async () => {
    const ping = ['ping', '-c1', '-W1', '198.18.1.2'];
    expect((await lab.exec('hub', ping)).code).toBe(0);
    await lab.cut('osaka');
    expect((await lab.exec('hub', ping)).code).not.toBe(0);
    expect((await lab.exec('osaka', ['cat', '/sys/class/net/eth0/carrier'])).stdout).toBe('0\n');
    await lab.reboot('osaka');
    expect((await lab.exec('hub', ping)).code).not.toBe(0);
    await lab.heal('osaka');
    expect((await lab.exec('hub', ping)).code).toBe(0);
  });

  it('run long commands that can be stopped', async () => {
    const ping = await lab.spawnExec('hub', ['ping', '-i', '0.1', '198.18.1.1']);
    await sleep(500);
    expect((await ping.stop()).stdout).toMatch(/ 0% packet loss/);
  });

  it('are named in the error about one that is not there', async () => {
    await expect(lab.reboot('paris')).rejects.toMatchObject({
      code: 'lab',
      hint: expect.stringContaining('tokyo') as string,
    });
  });

  it('of two labs do not see each other', async () => {
    const other = await startLab('testother', { spokes: 1 });
    try {
      await other.exec('tokyo', ['touch', '/etc/other']);
      expect((await lab.exec('tokyo', ['ls', '/etc/other'])).stdout).toBe('');
      await other.cut('tokyo');
      expect((await lab.exec('hub', ['ping', '-c1', '-W1', '198.18.1.1'])).code).toBe(0);
    } finally {
      await other.down();
    }
    expect((await labStatus(name)).hosts.every(({ isRunning }) => isRunning)).toBe(true);
    expect(takeStock(other.name)).toEqual(NOTHING);
  });
});

describe.skipIf(unavailable !== undefined)('lab run', () => {
  const name = labOfCheckout('testrun');
  const directory = '/var/tmp/vxfleet-lab-run-test';
  beforeAll(async () => {
    await startLab('testrun', { spokes: 1 });
    mkdirSync(directory, { recursive: true });
    // Stands in for vxfleet: says what it sees, and how many interrupts reach it.
    writeFileSync(
      `${directory}/bin.mjs`,
      `let interrupts = 0;
process.on('SIGINT', () => { interrupts += 1; });
process.on('SIGTERM', () => process.exit(3));
console.log('ready', JSON.stringify([process.argv.slice(2), process.env.HOME, process.env.VXFLEET_INVENTORY, process.cwd()]));
setTimeout(() => { console.log('interrupts ' + interrupts); process.exit(7); }, 1200);
`,
    );
    writeFileSync(
      `${directory}/run.mjs`,
      `import { labRun } from '${MODULES}/lab/lab-run.js';
process.exitCode = await labRun({ name: '${name}', argv: ['a b', '--c'], binPath: '${directory}/bin.mjs' });
`,
    );
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await labDown({ name });
  });

  /** Runs it, calls act when the program stands, and returns what it printed and how it ended. */
  async function runAndAct(argv: readonly string[], act: (child: ChildProcess) => void) {
    const [command = '', ...args] = argv;
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], cwd: directory });
    let output = '';
    let hasActed = false;
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (hasActed || !output.includes('ready')) return;
      hasActed = true;
      act(child);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output };
  }
  const direct = [process.execPath, `${directory}/run.mjs`];
  const onTerminal = ['script', '-qec', direct.join(' '), '/dev/null'];

  it("gives the program its arguments, the controller's HOME, the lab's inventory and our directory", async () => {
    const { code, output } = await runAndAct(direct, () => undefined);
    const state = stateDirectory(name);
    expect(code).toBe(7);
    expect(output).toContain(JSON.stringify([['a b', '--c'], `${state}/home`, `${state}/inventory.yaml`, directory]));
  });

  it('passes an interrupt on once', async () => {
    const { output } = await runAndAct(direct, (child) => child.kill('SIGINT'));
    expect(output).toContain('interrupts 1');
  });

  it('lets Ctrl-C at the terminal reach the program once', async () => {
    const { output } = await runAndAct(onTerminal, (child) => child.stdin?.write('\x03'));
    expect(output).toContain('interrupts 1');
  });

  it('passes a termination on and ends as the program does', async () => {
    const { code } = await runAndAct(direct, (child) => child.kill('SIGTERM'));
    expect(code).toBe(3);
  });
});

describe.skipIf(unavailable !== undefined)('lab of a given inventory', () => {
  const name = labOfCheckout('testgiven');
  afterAll(() => labDown({ name }));

  it('uses its devices, ports and names', async () => {
    const lab = await startLab('testgiven', {
      inventoryText: `prefix: 2001:db8:ae00::/40
hub: { underlay: { address: 198.18.7.1, device: enp1s0f0 } }
spokes:
  bridge: { id: 0x0a, underlay: { address: 198.19.0.5, device: wan }, ssh: { port: 2222 } }
`,
    });
    expect((await lab.exec('bridge', ['ip', '-br', '-4', 'address', 'show', 'wan'])).stdout).toContain('198.19.0.5/15');
    expect((await lab.exec('hub', ['ping', '-c1', '-W2', '-I', 'enp1s0f0', '198.19.0.5'])).code).toBe(0);
    expect(read(`${lab.home}/.ssh/known_hosts`)).toContain('[198.19.0.5]:2222 ssh-ed25519 ');
    expect(read(lab.inventoryPath)).toContain('id: 0x0a');
    await lab.down();
  });

  it("refuses addresses that are not the lab's", async () => {
    const inventoryText = `prefix: 2001:db8:ae00::/40
hub: { underlay: { address: 192.0.2.1, device: eth0 } }
spokes:
  tokyo: { id: 1, underlay: { address: 198.18.0.2, device: eth0 }, ssh: { host: tokyo.example.net } }
`;
    await expect(startLab('testgiven', { inventoryText })).rejects.toThrow(/192\.0\.2\.1.*\n.*tokyo\.example\.net/);
  });
});
