/** Runs one program and says what it took. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { ControlGroup } from './control-group.js';
import { haltWhenInterrupted } from './interrupt.js';
import type { Sample } from './results.js';

/** Between two looks at the memory, in ms; and at most this part of the time goes into looking. */
const LOOK_MS = 100;
const LOOKING_SHARE = 0.04;
/** A program that has not ended by then hangs, in ms. Ansible takes minutes for 255 hosts. */
const TIMEOUT_MS = 900_000;

export interface MeasuredProgram {
  /** The lab's; one program of a lab at a time. */
  readonly lab: string;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Each line of its stdout as it comes, with the ms since the start. */
  readonly onLine?: (line: string, atMs: number) => void;
}

export interface Measured extends Sample {
  /** The end of what it said, stderr last. */
  readonly said: string;
}

/** What stays of what a program says, in characters. */
const SAID = 3000;

export async function measureProgram({ lab, argv, env, onLine }: MeasuredProgram): Promise<Measured> {
  await haltWhenInterrupted();
  const group = ControlGroup.create(lab);
  const enter = ['-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', group.path];
  const begun = performance.now();
  const child = spawn('sh', [...enter, ...argv], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const said = readOutput(child.stdout, (line) => onLine?.(line, performance.now() - begun));
  const errors = text(child.stderr);
  const memory = watchMemory(group);
  const timer = setTimeout(() => group.kill(), TIMEOUT_MS);
  // Its exit, not the end of its output: masters of ControlPersist stay behind and keep that open.
  const [code] = (await once(child, 'exit')) as [number | null];
  const wallMs = performance.now() - begun;
  clearTimeout(timer);
  const cpu = group.cpu();
  const peaks = memory.stop();
  await group.remove();
  const output = `${(await said).slice(-SAID)}${(await errors).slice(-SAID)}`;
  return { wallMs: Math.round(wallMs), ...round(cpu), ...peaks, exitCode: code ?? -1, said: output };
}

async function readOutput(stream: NodeJS.ReadableStream, onLine: (line: string) => void): Promise<string> {
  let kept = '';
  for await (const line of createInterface({ input: stream })) {
    onLine(line);
    kept = `${kept}${line}\n`.slice(-SAID);
  }
  return kept;
}

const round = ({ userMs, systemMs }: Pick<Sample, 'userMs' | 'systemMs'>): Pick<Sample, 'userMs' | 'systemMs'> => ({
  userMs: Math.round(userMs),
  systemMs: Math.round(systemMs),
});

type Peaks = Pick<Sample, 'pssPeakKiB' | 'residentPeakKiB'>;

function watchMemory(group: ControlGroup): { stop(): Peaks } {
  const peaks = { pssPeakKiB: 0, residentPeakKiB: 0 };
  let timer: NodeJS.Timeout;
  const watch = (): void => {
    const begun = performance.now();
    look(group, peaks);
    timer = setTimeout(watch, Math.max(LOOK_MS, (performance.now() - begun) / LOOKING_SHARE));
  };
  watch();
  return {
    stop: () => {
      clearTimeout(timer);
      return peaks;
    },
  };
}

function look(group: ControlGroup, peaks: { pssPeakKiB: number; residentPeakKiB: number }): void {
  let pss = 0;
  for (const pid of group.pids()) {
    pss += readKiB(`/proc/${pid}/smaps_rollup`, 'Pss');
    peaks.residentPeakKiB = Math.max(peaks.residentPeakKiB, readKiB(`/proc/${pid}/status`, 'VmHWM'));
  }
  peaks.pssPeakKiB = Math.max(peaks.pssPeakKiB, pss);
}

function readKiB(path: string, key: string): number {
  try {
    return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  } catch {
    // It ended since we looked.
    return 0;
  }
}
