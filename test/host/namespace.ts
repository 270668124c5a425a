/** A throwaway host: network, mount and process namespaces of its own that vanish, with everything in them, when it is closed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'vitest';

function missing(): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  const tried = spawnSync('unshare', [
    '--net',
    '--mount',
    'ip',
    'link',
    'add',
    'vxlan01',
    'type',
    'vxlan',
    'id',
    '1',
    'dstport',
    '4789',
  ]);
  if (tried.error !== undefined) return `unshare: ${tried.error.message}`;
  return tried.status === 0 ? undefined : `no namespaces with VXLAN here: ${tried.stderr.toString().trim()}`;
}

const reason = missing();

/** A describe that needs namespaces: skipped with its reason where there are none, but a failure in CI. */
export function describeNamespace(title: string, body: () => void): void {
  if (reason === undefined)
    describe(title, { timeout: 120_000 }, body); // a busy machine, not a slow test
  else if (process.env['CI'] === 'true') {
    describe(title, () => {
      it('has the namespaces it needs', () => {
        throw new Error(reason);
      });
    });
  } else describe.skip(`${title} (skipped: ${reason})`, body);
}

export interface Namespace {
  /** The arguments of nsenter that lead into it. */
  readonly enter: readonly string[];
  /** Runs a shell script in it and returns its stdout; throws when it fails. */
  run(script: string): string;
  close(): Promise<void>;
}

/** @param setup shell text that makes the host, run before anything else. */
export async function openNamespace(setup: string): Promise<Namespace> {
  // The first process reads a pipe that nobody writes to: it collects orphans, and ends, with all the others, when the pipe does.
  const script = `set -e\nmount -t sysfs sysfs /sys\nip link set lo up\n${setup}\necho ready\nwhile read -r _; do :; done`;
  const args = ['--net', '--mount', '--pid', '--fork', '--mount-proc', 'bash', '-c', script];
  const holder = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const pid = await firstProcess(holder);
  const enter = ['-t', String(pid), '-n', '-m', '-p'];
  return {
    enter,
    run(text) {
      const done = spawnSync('nsenter', [...enter, 'bash', '-c', text], { encoding: 'utf8' });
      if (done.status !== 0) throw new Error(`status ${done.status}: ${text}\n${done.stderr}`);
      return done.stdout;
    },
    async close() {
      if (holder.exitCode !== null) return;
      const ended = once(holder, 'exit');
      holder.stdin?.end();
      await ended;
    },
  };
}

async function firstProcess(holder: ChildProcess): Promise<number> {
  let out = '';
  let err = '';
  holder.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(holder, 'exit');
  await Promise.race([
    new Promise<void>((resolve) => {
      holder.stdout?.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        if (out.includes('ready')) resolve();
      });
    }),
    ended.then(() => Promise.reject(new Error(`the namespace could not be made: ${err}`))),
  ]);
  const { stdout } = spawnSync('cat', [`/proc/${holder.pid}/task/${holder.pid}/children`], { encoding: 'utf8' });
  return Number(stdout.trim().split(' ')[0]);
}
