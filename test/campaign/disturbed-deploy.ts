/** The program on the lab's controller, as modules, stopped at a point of the protocol. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import type { Recap } from '../../src/events.js';
import { controllerCommand } from '../../src/lab/lab-command.js';
import { MODULES } from '../lab/harness.js';
import type { Point } from './points.js';

export interface DeployOutcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined when it did not come so far. */
  readonly recap: Recap | undefined;
}

export interface DisturbedDeploy {
  /** False: it ended without ever coming to the point. */
  readonly reached: Promise<boolean>;
  readonly ended: Promise<DeployOutcome>;
  /** Lets it go on from the point. */
  resume(): void;
  /** nsenter becomes the program it starts, so this is vxfleet's own process. */
  signal(signal: NodeJS.Signals): void;
}

/** @param point undefined: an undisturbed run, of which `reached` is true when it starts */
export async function startDeploy(
  lab: string,
  argv: readonly string[],
  point: Point | undefined,
): Promise<DisturbedDeploy> {
  const { command, args, env } = await controllerCommand(lab, join(MODULES, 'bin.js'), [...argv, '--output', 'json']);
  const child = spawn(command, args, {
    env: { ...env, ...(point === undefined ? {} : pauseEnvironment(point)) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  if (child.stdout === null || child.stderr === null) throw new TypeError('spawn without pipes');
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const reached = new Promise<boolean>((resolve) => {
    child.once('message', () => resolve(true));
    void exit.then(() => resolve(false));
    if (point === undefined) resolve(true);
  });
  const ended = Promise.all([exit, text(child.stdout), text(child.stderr)]).then(([code, stdout, stderr]) => ({
    code,
    stdout,
    stderr,
    recap: parseRecap(stdout),
  }));
  return {
    reached,
    ended,
    // It may be dead by now, and it is not listening at a point that it does not wait at.
    resume: () => void (child.connected && child.send('go', () => undefined)),
    signal: (signal) => void child.kill(signal),
  };
}

const pauseEnvironment = (point: Point): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: `--import ${new URL('pause.mjs', import.meta.url).href}`,
  CAMPAIGN_POINT: JSON.stringify(point),
  CAMPAIGN_DIST: pathToFileURL(`${MODULES}/`).href,
});

function parseRecap(stdout: string): Recap | undefined {
  try {
    const event = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap;
    return event.event === 'recap' ? event : undefined;
  } catch {
    return undefined;
  }
}
