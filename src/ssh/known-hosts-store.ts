/** The known_hosts files on disk: read once a run, appended to when a new key is accepted. */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { VxfleetError } from '../errors.js';
import {
  hashedName,
  keyType,
  knownHostsName,
  matchesName,
  parseKnownHosts,
  type KnownHostsEntry,
} from './known-hosts.js';
import { readRegular } from './local-machine.js';

/** Entries of all files; a file that does not exist is empty. New keys go to the first of the user's. */
export class KnownHostsStore {
  readonly files: readonly string[];
  readonly #recordsTo: string | undefined;
  readonly #onTrace: (message: string) => void;
  readonly #remembered: KnownHostsEntry[] = [];
  #entries: KnownHostsEntry[] | undefined;
  #index: KnownHostsIndex | undefined;

  constructor(
    userFiles: readonly string[],
    globalFiles: readonly string[],
    onTrace: (message: string) => void = () => {},
  ) {
    this.files = [...userFiles, ...globalFiles];
    // UserKnownHostsFile /dev/null is what people write who want no file.
    this.#recordsTo = userFiles.find((file) => file !== '/dev/null');
    this.#onTrace = onTrace;
  }

  /** Throws `host-key` when a file exists and cannot be read: it might hold a revocation. */
  entries(): readonly KnownHostsEntry[] {
    this.#entries ??= this.files.flatMap((file) => this.#read(file));
    return [...this.#entries, ...this.#remembered];
  }

  /** Those of the entries that name this host, with its port or without one. Throws as entries() does. */
  entriesOf(host: string, port: number): readonly KnownHostsEntry[] {
    this.#index ??= new KnownHostsIndex(this.entries());
    return this.#index.of(host, port);
  }

  /**
   * Appends one line with one write, so that concurrent writers never mix. Without a file of the user's the key is remembered for this run.
   * @returns the file
   */
  add(host: string, port: number, key: Buffer): string | undefined {
    const file = this.#recordsTo;
    const type = keyType(key);
    if (type === undefined) throw new VxfleetError('internal', 'not a host key');
    if (file === undefined) {
      this.#remembered.push({ file: 'this run', line: 1, marker: null, names: knownHostsName(host, port), type, key });
      this.#index = undefined;
      return undefined;
    }
    // Whoever hides names in this file (HashKnownHosts, Debian's default) gets hidden names; OpenSSH's own default is plain ones.
    const isHashed = this.entries().some((entry) => entry.file === file && entry.names.startsWith('|1|'));
    const name = knownHostsName(host, port);
    const names = isHashed ? hashedName(name, randomBytes(20)) : name;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      append(file, `${names} ${type} ${key.toString('base64')}\n`);
      this.#entries = undefined;
      this.#index = undefined;
      return file;
    } catch (cause) {
      throw new VxfleetError('host-key', `cannot record the host key in ${file}: ${reasonOf(cause)}`, {
        hint: `make ${file} writable, or name another file with --known-hosts FILE`,
        cause,
      });
    }
  }

  #read(file: string): readonly KnownHostsEntry[] {
    let text: string;
    try {
      text = readRegular(file).data.toString();
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return [];
      throw new VxfleetError('host-key', `cannot read ${file}: ${reasonOf(cause)}`, {
        hint: 'host keys are always checked: make the file readable, or name another one with --known-hosts FILE',
        cause,
      });
    }
    const { entries, problems } = parseKnownHosts(text, file);
    for (const problem of problems) this.#onTrace(`${problem.file}:${problem.line}: skipped: ${problem.message}`);
    return entries;
  }
}

function append(file: string, line: string): void {
  const fd = openSync(file, 'a+', 0o600);
  try {
    writeSync(fd, endsWithNewline(fd) ? line : `\n${line}`);
  } finally {
    closeSync(fd);
  }
}

function endsWithNewline(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

const codeOf = (thrown: unknown): unknown => (thrown as NodeJS.ErrnoException).code;
const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** What a name cannot be looked up in: hashes, wildcards and negations have to be tried. */
const IS_PATTERN = /[|*?!]/;

export class KnownHostsIndex {
  readonly #entries: readonly KnownHostsEntry[];
  /** Places in `#entries`, by name in lower case. */
  readonly #plain = new Map<string, number[]>();
  readonly #patterns: number[] = [];
  readonly #asked = new Map<string, readonly KnownHostsEntry[]>();

  constructor(entries: readonly KnownHostsEntry[]) {
    this.#entries = entries;
    entries.forEach(({ names }, place) => {
      if (IS_PATTERN.test(names)) this.#patterns.push(place);
      else for (const name of names.toLowerCase().split(',')) this.#add(name, place);
    });
  }

  /** The lines that name this host, with its port or without one, in the order of the files. */
  of(host: string, port: number): readonly KnownHostsEntry[] {
    const name = knownHostsName(host, port);
    const found = this.#asked.get(name) ?? this.#find([name, knownHostsName(host, 22)]);
    this.#asked.set(name, found);
    return found;
  }

  #find(names: readonly string[]): readonly KnownHostsEntry[] {
    const places = new Set(names.flatMap((name) => this.#plain.get(name) ?? []));
    for (const place of this.#patterns) {
      const line = this.#entries[place]?.names ?? '';
      if (names.some((name) => matchesName(line, name))) places.add(place);
    }
    return [...places].sort((a, b) => a - b).flatMap((place) => this.#entries[place] ?? []);
  }

  #add(name: string, place: number): void {
    const places = this.#plain.get(name);
    if (places === undefined) this.#plain.set(name, [place]);
    else places.push(place);
  }
}
