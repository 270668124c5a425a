/** This machine: the programs that we start, the files that we read, and those that we leave no trace of. */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
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

export interface RegularFile {
  readonly data: Buffer;
  /** Its permission bits, with the kind. */
  readonly mode: number;
}

/**
 * Throws for what is not a regular file: a FIFO would wait for its writer, and a device may have no end. `/dev/null` is an empty file: that is
 * how people say that there is none.
 */
export function readRegular(path: string): RegularFile {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const { mode, rdev } = fstatSync(fd);
    if (rdev !== 0 && rdev === statSync('/dev/null').rdev) return { data: Buffer.alloc(0), mode: 0 };
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Error(`${path} is not a regular file`);
    return { data: readFileSync(fd), mode };
  } finally {
    closeSync(fd);
  }
}

export interface UnlinkedFile {
  /** As every process of this user may open it while we live. */
  readonly path: string;
  /** What is in it now. */
  readonly read: () => string;
  readonly close: () => void;
}

export function writeUnlinked(text: string): UnlinkedFile {
  const directory = mkdtempSync(join(tmpdir(), 'vxfleet-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const name = join(directory, 'file');
  const fd = openSync(name, 'wx+', 0o600);
  writeFileSync(fd, text);
  // Where there is no such way to an open file, it has a name as long as we live.
  const isLinux = process.platform === 'linux';
  if (isLinux) remove();
  else process.once('exit', remove);
  const path = isLinux ? `/proc/${process.pid}/fd/${fd}` : name;
  return { path, read: () => readFileSync(path, 'utf8'), close: () => closeSync(fd) };
}
