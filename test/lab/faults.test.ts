import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { beginDeployed, labAvailability, startLab, until, type TestLab } from './harness.js';

const unavailable = await labAvailability();

describe.skipIf(unavailable !== undefined)(`a deploy that is disturbed ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let original: string;

  const recapOf = (stdout: string): Recap => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap;
  const run = async (...args: string[]): Promise<{ code: number | null; recap: Recap }> => {
    const { code, stdout } = await lab.run([...args, '--output', 'json']);
    return { code, recap: recapOf(stdout) };
  };
  const change = async (text: string): Promise<void> => {
    await writeFile(lab.inventoryPath, original.replace(/(\n {4}id: 1\b)/, `$1\n    ${text}`));
  };
  /** A firewall on tokyo: a trial on this port comes up and is never proven. */
  const dropPort = async (port: string): Promise<void> => {
    const policy = `ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport ${port} dir in action block`;
    expect(await lab.exec('tokyo', policy.split(' '))).toMatchObject({ code: 0 });
  };
  /** To the program on tokyo and all its processes; some may end by themselves when another is gone. */
  const signalAll = async (signal: string): Promise<void> => {
    const script = `pids=$(pgrep -f "^[v]xfleet: "); kill ${signal} $pids 2>/dev/null; [ -n "$pids" ]`;
    expect(await lab.exec('tokyo', ['sh', '-c', script])).toMatchObject({ code: 0 });
  };
  /** vxfleet, until its trial on tokyo is open: then it is killed, at once or after `next`. */
  const killInTrial = async (argv: readonly string[], next?: () => Promise<void>): Promise<void> => {
    const [stop, kill] = [new AbortController(), new AbortController()];
    const deploy = lab.run(argv, { stop: stop.signal, kill: kill.signal });
    try {
      await until('the trial is open', isArmed);
      // It must not notice what is done to the hosts before it is gone itself.
      stop.abort();
      await next?.();
    } finally {
      kill.abort();
    }
    expect((await deploy).code).toBeNull();
  };
  const isArmed = async (): Promise<boolean> =>
    (await lab.exec('tokyo', ['test', '-e', '/run/vxfleet/vxlan01/armed'])).code === 0;
  const answers = async (): Promise<boolean> =>
    (await lab.exec('hub', ['ping', '-6', '-c1', '-W1', '2001:db8:ae01::1'])).code === 0;
  const runsOldOnTokyo = async (): Promise<boolean> =>
    (await lab.exec('tokyo', ['ip', '-d', 'link', 'show', 'vxlan01'])).stdout.includes('dstport 4789');
  /** Trials and processes of ours on a host. */
  const leftovers = async (host: string): Promise<string> => {
    const script =
      'ls -A /run/vxfleet; ls -A /etc/network/interfaces.d | grep "^\\."; pgrep -af "^[v]xfleet: " || true';
    return (await lab.exec(host, ['sh', '-c', script])).stdout;
  };
  const isClean = async (): Promise<boolean> => `${await leftovers('hub')}${await leftovers('tokyo')}` === '';

  beforeAll(async () => {
    lab = await startLab('faults', { spokes: 2 });
    original = await readFile(lab.inventoryPath, 'utf8');
  });
  beforeEach(async () => {
    await beginDeployed(lab, original);
  });
  afterAll(async () => {
    await lab?.down();
  });

  it('by SIGKILL of the controller in mid-trial is put back by the hosts alone', async () => {
    await dropPort('4999');
    await change('vxlan: { dstport: 4999 }');
    await killInTrial(['deploy', 'tokyo', '--verify-timeout', '120', '--window', '600']);
    await until('the tunnel answers and nothing is left', async () => (await answers()) && (await isClean()));
    await writeFile(lab.inventoryPath, original);
    expect((await run('deploy')).recap.counts).toMatchObject({ unchanged: 2 });
  });

  it("by the loss of the hub's session is one failure: the tunnels that follow are deployed over a new one", async () => {
    await dropPort('4999');
    await writeFile(lab.inventoryPath, original.replaceAll(/(\n {4}id: [12]\b)/g, '$1\n    vxlan: { dstport: 4999 }'));
    const deploy = run('deploy', '--forks', '1', '--verify-timeout', '120');
    await until('the trial is open', isArmed);
    expect(await lab.exec('hub', ['pkill', '-f', '^sshd(-session)?: root@notty'])).toMatchObject({ code: 0 });
    const { code, recap } = await deploy;
    expect(code).toBe(1);
    expect(recap.counts).toMatchObject({ reverted: 1, changed: 1 });
    await until('nothing is left', isClean);
  });

  it('by SIGKILL of the host program and its guard too is put back over a new session', async () => {
    await dropPort('4999');
    await change('vxlan: { dstport: 4999 }');
    const deploy = run('deploy', 'tokyo', '--verify-timeout', '20');
    await until('the trial is open', isArmed);
    await signalAll('-9');
    const { code, recap } = await deploy;
    expect(code).toBe(1);
    expect(recap.tunnels[0]).toMatchObject({ status: 'reverted', error: { code: 'lost', end: 'spoke' } });
    await until('nothing is left', isClean);
  });

  it('by SIGKILL of the host program, its guard and the controller is healed by the next deploy', async () => {
    await dropPort('4999');
    await change('vxlan: { dstport: 4999 }');
    await killInTrial(['deploy', 'tokyo', '--verify-timeout', '120', '--window', '600'], () => signalAll('-9'));
    expect(await isArmed()).toBe(true);
    await writeFile(lab.inventoryPath, original);
    await lab.exec('tokyo', ['ip', 'xfrm', 'policy', 'flush']);
    expect(await lab.run(['deploy'], { unwatched: 'it begins in the trial that is left' })).toMatchObject({ code: 0 });
    expect(await answers()).toBe(true);
    await until('nothing is left', isClean);
  });

  it('by a second one is refused to one of them, and both say what is so', async () => {
    for (let round = 0; round < 3; round += 1) {
      const runs = await Promise.all([run('deploy', '--force'), run('deploy', '--force')]);
      const results = runs.flatMap(({ recap }) => recap.tunnels);
      expect(results.filter(({ status }) => status === 'unknown')).toEqual([]);
      for (const { status, error } of results) {
        if (status !== 'changed')
          expect(error?.message).toMatch(
            /vxlan0[12] is (being changed by .*root@|held by (root@|a run that has just ended))/,
          );
      }
      await until('nothing is left', isClean);
    }
    expect(await run('verify')).toMatchObject({ code: 0 });
  });

  it('by a disk that cannot take the old file is found before anything is touched', async () => {
    await lab.exec('hub', ['sh', '-c', 'rm -rf /var/lib/vxfleet; touch /var/lib/vxfleet']);
    await lab.exec('hub', ['sed', '-i', '1d', '/etc/network/interfaces.d/vxlan01']);
    await change('vxlan: { dstport: 4795 }');
    const { code, recap } = await run('deploy', 'tokyo', '--adopt');
    expect(code).toBe(1);
    expect(recap.tunnels[0]).toMatchObject({ status: 'failed', error: { code: 'refused', end: 'hub', layer: 'file' } });
    expect(await answers()).toBe(true);
    await lab.exec('hub', ['rm', '/var/lib/vxfleet']);
    expect(await run('deploy', 'tokyo', '--adopt')).toMatchObject({ code: 0 });
  });

  it('by an ifup that hangs is over within the window, also without its controller', async () => {
    await cp(
      fileURLToPath(new URL('../../templates/gateway.liquid', import.meta.url)),
      join(lab.scratch, 'gateway.liquid'),
    );
    const template = await readFile(join(lab.scratch, 'gateway.liquid'), 'utf8');
    await writeFile(
      join(lab.scratch, 'gateway.liquid'),
      template.replace('  no-scripts\n', '  no-scripts\n  pre-up sleep 100\n'),
    );
    await writeFile(lab.inventoryPath, `templates: ${lab.scratch}\n${original}`);
    // What the stanza started must not outlive it, nor hold its pipe open.
    expect(await run('deploy', 'tokyo', '--window', '12')).toMatchObject({
      code: 1,
      recap: { tunnels: [{ status: 'reverted', error: { end: 'spoke', layer: 'link' } }] },
    });
    expect((await lab.exec('tokyo', ['pgrep', '-a', 'sleep'])).stdout).toBe('');
    await killInTrial(['deploy', 'tokyo', '--window', '30']);
    await until('the tunnel answers and nothing is left', async () => (await answers()) && (await isClean()));
  });

  it('by a host program that stalls past the window is reported as put back, which is what the host did alone', async () => {
    await dropPort('4999');
    await change('vxlan: { dstport: 4999 }');
    const deploy = run('deploy', 'tokyo', '--window', '12', '--verify-timeout', '10');
    await until('the trial is open', isArmed);
    // Its guard goes on.
    const program = 'pgrep -f "^[v]xfleet: program"';
    expect(await lab.exec('tokyo', ['sh', '-c', `kill -STOP $(${program})`])).toMatchObject({ code: 0 });
    await until('the timer has ended the trial', async () => !(await isArmed()) && (await runsOldOnTokyo()));
    expect(await lab.exec('tokyo', ['sh', '-c', `kill -CONT $(${program})`])).toMatchObject({ code: 0 });
    const { code, recap } = await deploy;
    expect(code).toBe(1);
    expect(recap.tunnels[0]).toMatchObject({ status: 'reverted', ends: { hub: 'reverted', spoke: 'reverted' } });
    expect(await answers()).toBe(true);
  });

  it('by a proof that takes longer than the window goes on: what is being proven is extended', async () => {
    await dropPort('4999');
    await change('vxlan: { dstport: 4999 }');
    const deploy = run('deploy', 'tokyo', '--window', '10', '--verify-timeout', '40');
    await until('the trial is open', isArmed);
    await sleep(14_000);
    expect(await isArmed()).toBe(true);
    await lab.exec('tokyo', ['ip', 'xfrm', 'policy', 'flush']);
    expect(await deploy).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
  });

  it("beside somebody else's routes through the tunnel is still proven to be put back", async () => {
    await lab.exec('tokyo', [
      'ip',
      '-6',
      'route',
      'add',
      '2001:db8:ff::/48',
      'via',
      '2001:db8:ae00:0:1::1',
      'dev',
      'vxlan01',
    ]);
    await dropPort('4999');
    await change('vxlan: { dstport: 4999 }');
    const { code, stdout } = await lab.run(['deploy', 'tokyo', '--verify-timeout', '2', '--output', 'json'], {
      unwatched: 'the route of somebody else is gone with the link that it leads through',
    });
    expect(code).toBe(1);
    expect(recapOf(stdout).tunnels[0]).toMatchObject({ status: 'reverted' });
  });
});
