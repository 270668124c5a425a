/** A cgroup for the processes of one run: what they use together, also those that have left their parents, and their end. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const NAME = 'vxfleet-bench';

export interface CpuUse {
  readonly userMs: number;
  readonly systemMs: number;
}

export class ControlGroup {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static create(name: string): ControlGroup {
    const path = `${groupRoot()}/${NAME}-${name}`;
    mkdirSync(path, { recursive: true });
    return new ControlGroup(path);
  }

  /** The pids in it, as the machine sees them; none of a group that is gone. */
  pids(): number[] {
    try {
      return readFileSync(`${this.path}/cgroup.procs`, 'utf8').trim().split('\n').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  }

  /** Of everything that has ever run in it. */
  cpu(): CpuUse {
    const text = readFileSync(`${this.path}/cpu.stat`, 'utf8');
    const readMs = (key: string): number => Number(new RegExp(`^${key} (\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1000;
    return { userMs: readMs('user_usec'), systemMs: readMs('system_usec') };
  }

  kill(): void {
    ifThere(() => writeFileSync(`${this.path}/cgroup.kill`, '1'));
  }

  /** Kills what is left in it and removes it, unless somebody else just did. */
  async remove(): Promise<void> {
    this.kill();
    while (this.pids().length > 0) await sleep(10);
    ifThere(() => rmdirSync(this.path));
  }
}

function ifThere(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error) || !/^(ENOENT|ENODEV)/.test(error.message)) throw error;
  }
}

/** Ends and removes what an earlier run of this name has left. */
export async function removeGroups(name: string): Promise<void> {
  const left = readdirSync(groupRoot()).filter((entry) => entry === `${NAME}-${name}`);
  for (const _ of left) await ControlGroup.create(name).remove();
}

/** Where cgroup v2 is mounted; it accounts for CPU whatever else is mounted beside it. */
function groupRoot(): string {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const found = mounts.find((line) => line.includes(' - cgroup2 '))?.split(' ')[4];
  if (found === undefined) throw new Error('no cgroup2 file system is mounted: mount -t cgroup2 none DIRECTORY');
  return found;
}
