/** Only one process at a time makes or removes labs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, openSync, statSync } from 'node:fs';
import { VxfleetError } from '../errors.js';
import { STATE_ROOT } from './lab-paths.js';

/** How long to wait before saying so, in seconds. */
const PATIENCE_SECONDS = 2;

/**
 * Runs body while holding flock(2) on STATE_ROOT. The kernel drops the lock when the last process that has the descriptor ends, so a crash leaves no
 * stale one; programs that must not outlive the lock get the descriptor (runProgram's keepOpen).
 */
export async function withLabLock<T>(log: (message: string) => void, body: (lock: number) => Promise<T>): Promise<T> {
  for (;;) {
    mkdirSync(STATE_ROOT, { recursive: true, mode: 0o711 });
    const lock = openSync(STATE_ROOT, 'r');
    try {
      if (!(await lockDescriptor(lock, ['-w', String(PATIENCE_SECONDS)]))) {
        log('waiting for another lab command on this machine to finish');
        if (!(await lockDescriptor(lock, []))) throw new VxfleetError('lab', `${STATE_ROOT} could not be locked`);
      }
      // The last lab's end removes the directory: whoever waited for it then holds a lock on nothing.
      if (isSameFile(lock)) return await body(lock);
    } finally {
      closeSync(lock);
    }
  }
}

/** flock(1) locks the open file that we share with it; the lock stays with us when it ends. */
async function lockDescriptor(descriptor: number, options: readonly string[]): Promise<boolean> {
  const child = spawn('flock', ['-x', ...options, '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0;
}

function isSameFile(descriptor: number): boolean {
  const now = statSync(STATE_ROOT, { throwIfNoEntry: false });
  return now !== undefined && now.ino === fstatSync(descriptor).ino;
}
