/** The memory of what a contestant runs on a host, whatever it is written in. */
import { readFileSync } from 'node:fs';

/** Between two looks, in ms. A look at a host with some dozens of processes takes about one. */
const LOOK_MS = 250;

/** @param init pid 1 of the host, as the machine numbers it */
export function watchHostProgram(init: number): { readonly stop: () => number } {
  const before = new Set(descendants(init));
  let peakKiB = 0;
  const look = (): void => {
    for (const pid of descendants(init)) if (!before.has(pid)) peakKiB = Math.max(peakKiB, peakOf(pid));
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    /** The most that one process other than sshd has had resident, in KiB; of those that were started since. */
    stop: () => {
      clearInterval(timer);
      return peakKiB;
    },
  };
}

function descendants(pid: number): number[] {
  const children = readProc(`${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function peakOf(pid: number): number {
  const status = readProc(`${pid}/status`);
  return status.startsWith('Name:\tsshd') ? 0 : Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
}

/** Empty for what has ended since it was seen. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}
