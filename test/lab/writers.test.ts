import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { controllerCommand } from '../../src/lab/lab-command.js';
import { controllerNamespace } from '../../src/lab/lab-paths.js';
import {
  DIST,
  labAvailability,
  labOfCheckout,
  startLab,
  until,
  type Outcome,
  type RunOptions,
  type TestLab,
} from './harness.js';

const unavailable = await labAvailability();

const DIRECTORY = '/etc/network/interfaces.d';

/** What a run says that is seen by a program; the recap is missing when it was killed. */
const eventsOf = ({ stdout }: Outcome): { event: string; message: string }[] =>
  stdout
    .trim()
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as { event: string; message: string });
const recapOf = (outcome: Outcome): Recap => eventsOf(outcome).at(-1) as unknown as Recap;

describe.skipIf(unavailable !== undefined)(`several writers ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let original: string;

  const run = async (args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
    await lab.run([...args, '--output', 'json'], options);
  const sh = async (host: string, script: string): Promise<string> => {
    const { code, stdout, stderr } = await lab.exec(host, ['sh', '-c', script]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const filesOf = async (host: string): Promise<string> =>
    sh(host, `cd ${DIRECTORY}; sha256sum * .v* 2>/dev/null || true`);
  const withTokyo = (text: string): string => original.replace(/(\n {4}id: 1\b)/, `$1\n    ${text}`);
  const isArmed = async (host = 'tokyo'): Promise<boolean> =>
    (await lab.exec(host, ['test', '-e', '/run/vxfleet/vxlan01/armed'])).code === 0;
  const answers = async (target = '2001:db8:ae01::1'): Promise<boolean> =>
    (await lab.exec('hub', ['ping', '-6', '-c1', '-W2', target])).code === 0;
  /** What of a run is left on a host, once its guard has gone too. */
  const isClean = async (): Promise<boolean> => {
    const left = await Promise.all(
      ['hub', 'tokyo', 'osaka'].map((host) => sh(host, 'ls -A /run/vxfleet 2>/dev/null || true')),
    );
    return left.join('') === '';
  };
  interface Launched {
    readonly process: ChildProcess;
    readonly ended: Promise<Outcome>;
  }
  /** vxfleet on the controller, as a process that can be signalled. @param around words in front of the command */
  const launch = async (argv: readonly string[], user: string, around: readonly string[] = []): Promise<Launched> => {
    const { command, args, env } = await controllerCommand(lab.name, join(DIST, 'bin.js'), [
      ...argv,
      '--output',
      'json',
    ]);
    const [first = command, ...words] = [...around, command, ...args];
    const process = spawn(first, words, { env: { ...env, SUDO_USER: user }, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = Promise.all([once(process, 'close'), text(process.stdout), text(process.stderr)]).then(
      ([[code], stdout, stderr]): Outcome => ({ code: code as number | null, stdout, stderr }),
    );
    return { process, ended };
  };
  /** A deploy of alice's whose trial stays open: a firewall on tokyo drops its port. */
  const holdTrial = async (...args: string[]): Promise<Launched> => {
    await writeFile(lab.inventoryPath, withTokyo('vxlan: { dstport: 4999 }'));
    const launched = await launch(['deploy', ...args, '--verify-timeout', '300'], 'alice');
    await until('the trial is open', async () => (await isArmed()) && (await isArmed('hub')));
    return launched;
  };

  beforeAll(async () => {
    lab = await startLab('writers', { spokes: 3 });
    original = await readFile(lab.inventoryPath, 'utf8');
    expect((await run(['deploy'])).code).toBe(0);
    const policy = 'src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport 4999 dir in action block';
    await sh('tokyo', `ip xfrm policy add ${policy}`);
  });
  beforeEach(async () => {
    await writeFile(lab.inventoryPath, original);
  });
  afterEach(async () => {
    await until('nothing is left', isClean);
    expect(await answers()).toBe(true);
  });
  afterAll(async () => {
    await lab?.down();
  });

  it('of one tunnel: the second is told who holds it, from where, since when and in which run', async () => {
    const before = [await filesOf('hub'), await filesOf('tokyo')];
    const { process, ended } = await holdTrial('tokyo');
    const whose =
      /deploy tokyo .* of alice@\S+ \(from 198\.19\.255\.254\) since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, run \d{8}T\d{6}-[0-9a-z]{6}/;
    for (const command of [
      ['deploy'],
      ['deploy', 'tokyo', '--takeover'],
      ['rollback', '--remove', 'tokyo'],
      ['diff', 'tokyo'],
    ]) {
      const second = await run(command, { env: { SUDO_USER: 'bob' } });
      const tunnel = recapOf(second).tunnels.find(({ spoke }) => spoke === 'tokyo');
      expect(second.code).toBe(1);
      expect(tunnel).toMatchObject({ status: 'failed', error: { code: 'refused' } });
      expect(tunnel?.error?.message).toMatch(whose);
    }
    // Other tunnels are none of its business.
    expect(recapOf(await run(['deploy', 'osaka', '--force']))).toMatchObject({ counts: { changed: 1 } });
    expect(await isArmed()).toBe(true);
    process.kill('SIGINT');
    const first = await ended;
    expect(first.code).toBe(130);
    expect(recapOf(first).tunnels[0]).toMatchObject({ status: 'reverted' });
    expect([await filesOf('hub'), await filesOf('tokyo')]).toEqual(before);
  });

  it('of disjoint tunnels do not hinder each other', async () => {
    const outcomes = await Promise.all(['tokyo', 'osaka', 'lisbon'].map((spoke) => run(['deploy', spoke, '--force'])));
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(outcomes.map((outcome) => recapOf(outcome).counts.changed)).toEqual([1, 1, 1]);
    expect((await run(['verify'])).code).toBe(0);
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)(
    'stopped by %s: what is in trial is put back, nothing more starts, and the recap says what is where',
    async (signal) => {
      const before = [await filesOf('hub'), await filesOf('tokyo')];
      const { process, ended } = await holdTrial('--force', '--forks', '1');
      process.kill(signal);
      const outcome = await ended;
      expect(outcome.code).toBe(130);
      const { exit_code, tunnels } = recapOf(outcome);
      expect(exit_code).toBe(130);
      expect(tunnels.map(({ spoke, status }) => [spoke, status])).toEqual([
        ['tokyo', 'reverted'],
        ['osaka', 'skipped'],
        ['lisbon', 'skipped'],
      ]);
      expect([await filesOf('hub'), await filesOf('tokyo')]).toEqual(before);
    },
  );

  it('interrupted twice: it leaves at once and says so, and the hosts take their trials back', async () => {
    const before = [await filesOf('hub'), await filesOf('tokyo')];
    const { process, ended } = await holdTrial('tokyo');
    // The way back waits for an answer that does not come, so that there is a second time.
    await lab.cut('tokyo');
    process.kill('SIGINT');
    await sleep(300);
    process.kill('SIGINT');
    const outcome = await ended;
    await lab.heal('tokyo');
    expect(outcome.code).toBe(130);
    expect(outcome.stdout).toContain('left at once, in trial: tokyo (vxlan01)');
    await until('the hosts have taken it back', isClean);
    expect([await filesOf('hub'), await filesOf('tokyo')]).toEqual(before);
  });

  it('of which one died and left a trial: it is shown with its deadline, and --takeover ends it', async () => {
    const before = [await filesOf('hub'), await filesOf('tokyo')];
    const { process, ended } = await holdTrial('tokyo');
    process.kill('SIGSTOP');
    const guards = 'cut -d" " -f1 /run/vxfleet/.*.guard';
    let taken: Outcome;
    try {
      for (const host of ['hub', 'tokyo']) {
        // Killed without a word (some end by themselves when the first is dead); the guard is held back, so that the trial stays for us to see. It
        // is stopped until it stays so: the kernel wakes a process group that becomes an orphan.
        const others = 'for p in $(pgrep -f "^[v]xfleet: "); do [ $p = $g ] || kill -9 $p 2>/dev/null; done';
        const stop = 'i=0; while [ $i -lt 50000 ]; do kill -STOP $g; i=$((i + 1)); done';
        await sh(host, `g=$(${guards}); kill -STOP $g; ${others}; ${stop}`);
      }
      process.kill('SIGKILL');
      await ended;
      await writeFile(lab.inventoryPath, original);

      const shown = await run(['deploy', 'tokyo', '--force']);
      expect(shown.code).toBe(1);
      const error = recapOf(shown).tunnels[0]?.error;
      expect(error?.message).toMatch(/^a trial of vxlan01 is pending, its run is gone: deploy tokyo .* of alice@/);
      expect(error?.hint).toMatch(/^The host ends it alone in \d+ s\. deploy --takeover ends it now\.$/);
      taken = await run(['deploy', 'tokyo', '--takeover']);
    } finally {
      for (const host of ['hub', 'tokyo']) await sh(host, `kill -CONT $(${guards})`);
    }
    expect(recapOf(taken).tunnels[0]).toMatchObject({ status: 'unchanged', error: null });
    expect(taken.code).toBe(0);
    expect([await filesOf('hub'), await filesOf('tokyo')]).toEqual(before);
  });

  it('leave no lock behind when they crash', async () => {
    const { process, ended } = await holdTrial('tokyo');
    process.kill('SIGKILL');
    await ended;
    await writeFile(lab.inventoryPath, original);
    await until('the hosts have taken it back', isClean);
    expect(recapOf(await run(['deploy', 'tokyo', '--force'])).tunnels[0]).toMatchObject({ status: 'changed' });
  });

  describe('with SSH over IPv6, where an old connection proves nothing', () => {
    const controller = ['-n', controllerNamespace(labOfCheckout('writers'))];
    /** The inventory with the shipped template, to which a stanza's lines were added. */
    const withStanza = async (name: string, lines: string): Promise<string> => {
      const directory = join(lab.scratch, name);
      await mkdir(directory, { recursive: true });
      const shipped = await readFile(new URL('../../templates/gateway.liquid', import.meta.url), 'utf8');
      const changed = shipped.replace('  no-scripts\n', `  no-scripts\n${lines}`);
      expect(changed).not.toBe(shipped);
      await writeFile(join(directory, 'gateway.liquid'), changed);
      return `templates: ${directory}\n`;
    };
    beforeAll(async () => {
      const ip = promisify(execFile);
      await ip('ip', [...controller, ...'address add 2001:db8:ffff::2/64 dev eth0 nodad'.split(' ')]);
      await ip('ip', [...controller, ...'-6 route add 2001:db8:ae00::/40 via 2001:db8:ffff::1'.split(' ')]);
      await sh('hub', 'ip -6 address add 2001:db8:ffff::1/64 dev eth0 nodad');
      const knownHosts = join(lab.home, '.ssh', 'known_hosts');
      const key = /^198\.18\.1\.1 (.*)$/m.exec(await readFile(knownHosts, 'utf8'))?.[1];
      await appendFile(knownHosts, `2001:db8:ae01::1 ${key}\n2001:db8:ffff::11 ${key}\n`);
    });

    it('changes a tunnel through itself', async () => {
      await writeFile(lab.inventoryPath, withTokyo('ssh: { host: "2001:db8:ae01::1" }\n    vxlan: { dstport: 4790 }'));
      const outcome = await run(['deploy', 'tokyo']);
      expect(recapOf(outcome).tunnels[0]).toMatchObject({
        status: 'changed',
        ends: { hub: 'changed', spoke: 'changed' },
        error: null,
      });
      await writeFile(lab.inventoryPath, original);
      expect((await run(['deploy', 'tokyo'])).code).toBe(0);
    });

    it('puts back a change of a tunnel that cuts its own way off', async () => {
      const before = [await filesOf('hub'), await filesOf('tokyo')];
      // Every ping of the proof is answered, the controller no more.
      const route = 'unreachable 2001:db8:ffff::/64 metric 10';
      const lines = `  post-up ip -6 route add ${route}\n  post-down ip -6 route del ${route} || true\n`;
      await writeFile(
        lab.inventoryPath,
        (await withStanza('cut', lines)) + withTokyo('ssh: { host: "2001:db8:ae01::1" }\n    vxlan: { dstport: 4790 }'),
      );
      await run(['deploy', 'tokyo', '--verify-timeout', '3', '--window', '12', '--connect-timeout', '3']);
      await until('the hosts have taken it back', isClean);
      expect([await filesOf('hub'), await filesOf('tokyo')]).toEqual(before);
      expect(await answers()).toBe(true);
      expect((await lab.exec('tokyo', ['ping', '-6', '-c1', '-W2', '2001:db8:ffff::2'])).code).toBe(0);
      await writeFile(lab.inventoryPath, original);
      expect(recapOf(await run(['deploy'])).counts).toMatchObject({ unchanged: 3 });
    });

    it('puts back a change after which the old connection lives and no new one can be made', async () => {
      await sh('tokyo', 'ip -6 address add 2001:db8:ffff::11/64 dev eth0 nodad');
      const before = [await filesOf('hub'), await filesOf('tokyo')];
      const lines = '  post-up pkill -STOP -o -x sshd\n  post-down pkill -CONT -o -x sshd || true\n';
      await writeFile(
        lab.inventoryPath,
        (await withStanza('closed', lines)) + withTokyo('ssh: { host: "2001:db8:ffff::11" }\n    metric: 600'),
      );
      const outcome = await run(['deploy', 'tokyo', '--verify-timeout', '5', '--connect-timeout', '1']);
      const [tunnel] = recapOf(outcome).tunnels;
      expect(tunnel).toMatchObject({ status: 'reverted', error: { code: 'connect', end: 'spoke', layer: 'ssh' } });
      expect(tunnel?.error?.message).toContain('no new connection can be made');
      expect(outcome.code).toBe(1);
      expect([await filesOf('hub'), await filesOf('tokyo')]).toEqual(before);
      await writeFile(lab.inventoryPath, original);
      expect((await run(['verify'])).code).toBe(0);
    });
  });
});
