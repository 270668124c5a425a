/** `vxfleet lab run` and `lab exec`: a command inside the lab, with our terminal. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { VxfleetError } from '../errors.js';
import { controllerCommand, hostCommand, type LabCommand } from './lab-command.js';

export interface LabRunOptions {
  readonly name: string;
  /** vxfleet's arguments. */
  readonly argv: readonly string[];
  /** vxfleet's entry file. */
  readonly binPath: string;
}

/**
 * Runs vxfleet on the lab's controller.
 * @returns its exit code
 * @throws VxfleetError lab when the lab is not up
 */
export const labRun = async ({ name, argv, binPath }: LabRunOptions): Promise<number> =>
  await runInForeground(await controllerCommand(name, binPath, argv));

export interface LabExecOptions {
  readonly name: string;
  readonly host: string;
  readonly argv: readonly string[];
}

/**
 * Runs any command on a host, as root.
 * @returns its exit code
 * @throws VxfleetError lab when there is no such host or it is dead
 */
export const labExec = async ({ name, host, argv }: LabExecOptions): Promise<number> =>
  await runInForeground(await hostCommand(name, host, argv));

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function runInForeground({ command, args, env }: LabCommand): Promise<number> {
  const hadTerminal = readTerminal() !== undefined;
  const child = spawn(command, args, { env, stdio: 'inherit' });
  const listeners = FORWARDED.map((signal) => {
    const forward = (): void => {
      if (!cameFromTerminal(signal, hadTerminal)) child.kill(signal);
    };
    process.on(signal, forward);
    return [signal, forward] as const;
  });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => reject(new VxfleetError('lab', `${command}: ${cause.message}`, { cause })));
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    for (const [signal, forward] of listeners) process.off(signal, forward);
  }
}

/**
 * Whether the child got it too. Ctrl-C goes to every process of the terminal's foreground group, and a hang-up to all of the session, so it must
 * not come a second time from us: vxfleet takes a second one for impatience.
 */
function cameFromTerminal(signal: (typeof FORWARDED)[number], hadTerminal: boolean): boolean {
  if (signal === 'SIGHUP') return hadTerminal;
  if (signal === 'SIGTERM') return false;
  const terminal = readTerminal();
  return terminal !== undefined && terminal.foregroundGroup === terminal.ownGroup;
}

/** Our controlling terminal, from proc(5)'s stat; undefined without one. */
function readTerminal(): { readonly ownGroup: number; readonly foregroundGroup: number } | undefined {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // The second field is the program's name in parentheses, which may hold blanks.
  const [, , ownGroup = 0, , terminal = 0, foregroundGroup = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return terminal === 0 ? undefined : { ownGroup, foregroundGroup };
}
