/** Programs of this machine that we start. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The path of a program of this name in PATH; undefined = there is none. */
export function findProgram(name: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The argv of a program that must not outlive us, even if SIGKILL ends us: the kernel kills it when its parent dies (PDEATHSIG, by setpriv of
 * util-linux). Without a setpriv the end of its stdin is all that it hears then.
 */
export function endingWithUs(argv: readonly string[]): [string, ...string[]] {
  const setpriv = findProgram('setpriv');
  const words = setpriv === undefined ? argv : [setpriv, '--pdeathsig', 'KILL', ...argv];
  return words as [string, ...string[]];
}
