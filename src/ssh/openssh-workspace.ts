/** The private directory of a run over OpenSSH: the ssh_config of each host, the logs of its processes, the sockets of its jump hosts. */
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  watch,
  writeFileSync,
  type FSWatcher,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** sun_path has 108 bytes, and ssh binds a name that is 17 longer before it renames it; `/123.sock` and the mkdtemp letters are ours. */
const LONGEST_BASE = 60;

/** A log that is read while a process writes it. */
export interface FollowedLog {
  readonly path: string;
  /** Reads what is there now, once more. */
  readonly read: () => void;
  /** Reads no more, and forgets the file. */
  readonly stop: () => void;
}

export class OpenSshWorkspace {
  readonly #directory: string;
  readonly #watcher: FSWatcher;
  readonly #readers = new Map<string, () => void>();
  readonly #remove = (): void => rmSync(this.#directory, { recursive: true, force: true });
  #count = 0;

  constructor() {
    // mkdtemp makes it 0700.
    const base = tmpdir().length > LONGEST_BASE ? '/tmp' : tmpdir();
    this.#directory = mkdtempSync(join(base, 'vxfleet-ssh-'));
    process.once('exit', this.#remove);
    // One inotify watch for all logs.
    this.#watcher = watch(this.#directory, { persistent: false }, (_event, name) => this.#readers.get(name ?? '')?.());
    this.#watcher.on('error', () => {});
  }

  /** A path that nothing has yet. */
  newPath(suffix: 'conf' | 'keys' | 'log' | 'sock'): string {
    this.#count += 1;
    return join(this.#directory, `${this.#count}.${suffix}`);
  }

  /** @returns the file's path */
  writeConfig(text: string): string {
    const path = this.newPath('conf');
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** A new log; whatever is appended to it is handed on as text. */
  followLog(onText: (text: string) => void): FollowedLog {
    const path = this.newPath('log');
    const name = path.slice(this.#directory.length + 1);
    const fd = openSync(path, 'a+', 0o600);
    let offset = 0;
    let isStopped = false;
    const read = (): void => {
      if (isStopped) return;
      const length = fstatSync(fd).size - offset;
      if (length <= 0) return;
      const bytes = Buffer.alloc(length);
      offset += readSync(fd, bytes, 0, length, offset);
      onText(bytes.toString('latin1'));
    };
    this.#readers.set(name, read);
    return {
      path,
      read,
      stop: () => {
        if (isStopped) return;
        isStopped = true;
        this.#readers.delete(name);
        closeSync(fd);
        rmSync(path, { force: true });
      },
    };
  }

  remove(): void {
    this.#watcher.close();
    process.off('exit', this.#remove);
    this.#remove();
  }
}
