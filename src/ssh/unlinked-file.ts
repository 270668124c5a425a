/** A file without a name, for programs that we start: nothing is left of it when we are gone, whatever ended us. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface UnlinkedFile {
  /** As every process of this user may open it while we live. */
  readonly path: string;
  /** What is in it now. */
  readonly read: () => string;
  readonly close: () => void;
}

export function writeUnlinked(text: string): UnlinkedFile {
  const directory = mkdtempSync(join(tmpdir(), 'vxfleet-'));
  try {
    const fd = openSync(join(directory, 'file'), 'wx+', 0o600);
    writeFileSync(fd, text);
    const path = `/proc/${process.pid}/fd/${fd}`;
    return { path, read: () => readFileSync(path, 'utf8'), close: () => closeSync(fd) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
