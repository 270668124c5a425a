/** A throwaway host whose first process is a real systemd. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from './namespace.js';

/** Seconds within which it boots, or does not. */
const BOOT_SECONDS = 20;

/** The machine's own system seen through an overlay, so that nothing is written to it; only what rescue.target needs is started. */
const BOOT = String.raw`
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --rbind /dev dev
mount -t cgroup2 cgroup2 sys/fs/cgroup
pivot_root . mnt
cd /
umount -l /mnt
ip link set lo up
`;

export interface SystemdNamespace extends Namespace {
  /** The arguments of nsenter that lead into it. */
  readonly enter: readonly string[];
}

/** @param setup shell text that makes the host. Resolves to a reason when systemd does not boot here. */
export async function openSystemdNamespace(setup: string): Promise<SystemdNamespace | string> {
  const script = `${BOOT}\n${setup}\nexport container=test\nexec /lib/systemd/systemd --system --unit=rescue.target`;
  const args = ['--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup', '--fork', '--kill-child', 'bash', '-c'];
  const holder = spawn('unshare', [...args, script], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  holder.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  for (let second = 0; second < BOOT_SECONDS * 4 && holder.exitCode === null; second += 1) {
    const pid = firstProcess(holder);
    const enter = ['-t', pid, '--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup'];
    const state = pid === '' ? '' : shell(enter, 'systemctl is-system-running').stdout.trim();
    if (/^(?:running|degraded|maintenance)$/.test(state)) return namespace(holder, enter);
    await sleep(250);
  }
  holder.kill('SIGKILL');
  return `systemd does not boot in a namespace here: ${said.trim().split('\n').at(-1) ?? ''}`;
}

function namespace(holder: ChildProcess, enter: readonly string[]): SystemdNamespace {
  return {
    enter,
    run(text) {
      const done = shell(enter, text);
      if (done.status !== 0) throw new Error(`status ${done.status}: ${text}\n${done.stderr}`);
      return done.stdout;
    },
    async close() {
      const ended = once(holder, 'exit');
      holder.kill('SIGKILL');
      await ended;
    },
  };
}

const shell = (enter: readonly string[], text: string) =>
  spawnSync('nsenter', [...enter, 'bash', '-c', text], { encoding: 'utf8' });

const firstProcess = (holder: ChildProcess): string =>
  spawnSync('cat', [`/proc/${holder.pid}/task/${holder.pid}/children`], { encoding: 'utf8' }).stdout.trim();
