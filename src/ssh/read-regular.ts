/** Reads what a person names as a file. */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';

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
