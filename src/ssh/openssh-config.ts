/** The ssh_config files of a run: which they are, whether they can matter, and the one file that stands for them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { VxfleetError } from '../errors.js';
import { DEFAULTS } from '../inventory/inventory.js';

/** The files that `ssh` would read. */
export type ConfigFiles =
  /** `-F FILE`: that one alone. */
  | { readonly kind: 'given'; readonly path: string }
  /** The user's, then the system's. */
  | { readonly kind: 'usual'; readonly paths: readonly string[] };

/** @param given `-F FILE`; `none` = no file at all */
export function configFiles(home: string, given: string | undefined): ConfigFiles {
  if (given === 'none') return { kind: 'usual', paths: [] };
  if (given !== undefined) return { kind: 'given', path: resolve(given) };
  return { kind: 'usual', paths: [join(home, '.ssh/config'), '/etc/ssh/ssh_config'] };
}

/**
 * The files as one with the same meaning, for hosts outside the fleet; and, for those of the fleet, with vxfleet's own default for the login name at its
 * end: `ssh -G` does not tell its default, the name of whoever runs it, from a `User` that says the same. The user's file is HOME's, where `ssh`
 * itself would take passwd's.
 */
export class JoinedConfig {
  /** For hosts of the fleet. */
  readonly path: string;
  /** For hosts outside of it. */
  readonly outsidePath: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'vxfleet-config-'));
  readonly #remove = (): void => rmSync(this.#directory, { recursive: true, force: true });

  constructor(files: ConfigFiles) {
    this.path = join(this.#directory, 'config');
    this.outsidePath = join(this.#directory, 'outside');
    process.once('exit', this.#remove);
    const text =
      // As a copy: an included file must belong to the user, be writable by nobody else, and have no * in its name; one that -F names need not.
      files.kind === 'given'
        ? readConfig(files.path)
        : files.paths.map((path) => `Host *\nInclude "${path}"\n`).join('');
    writeFileSync(this.outsidePath, text, { mode: 0o600 });
    writeFileSync(this.path, `${text}\nHost *\nUser ${DEFAULTS.sshUser}\n`, { mode: 0o600 });
  }

  remove(): void {
    process.off('exit', this.#remove);
    this.#remove();
  }
}

function readConfig(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VxfleetError('usage', `cannot read the ssh_config ${path}: ${(cause as Error).message}`, {
      hint: 'name a readable file with -F FILE, or none',
      cause,
    });
  }
}

/** Keywords of settings that no transport takes from ssh_config, and those that only say to whom the next lines apply. */
const INERT = new Set(
  [
    'Host Match SendEnv SetEnv HashKnownHosts UpdateHostKeys VisualHostKey CheckHostIP LogLevel EscapeChar RequestTTY',
    'GSSAPIAuthentication GSSAPIDelegateCredentials ForwardAgent ForwardX11 ForwardX11Trusted XAuthLocation AddKeysToAgent',
    'Compression ControlMaster ControlPath ControlPersist TCPKeepAlive IPQoS',
  ].flatMap((line) => line.toLowerCase().split(' ')),
);

/**
 * Whether these files can change how any host is reached. Each line of an ssh_config sets what its first word names, so that files whose words
 * are all inert (a stock Debian's) need not be asked about, 255 times at 8 ms. Whatever is not understood here can.
 */
export function canMatter(files: ConfigFiles): boolean {
  // That a file which was named does not exist is for JoinedConfig to say.
  if (files.kind === 'given') return !existsSync(files.path) || isEffective(files.path, INCLUDE_DEPTH);
  return files.paths.some((path) => isEffective(path, INCLUDE_DEPTH));
}

/** OpenSSH has 16; who nests deeper than this is asked about. */
const INCLUDE_DEPTH = 4;

function isEffective(path: string, depth: number): boolean {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== 'ENOENT';
  }
  return text.split('\n').some((line) => {
    const [, word = '', rest = ''] = /^\s*([^\s=]*)\s*=?\s*(.*?)\s*$/.exec(line) ?? [];
    if (word === '' || word.startsWith('#')) return false;
    if (word.toLowerCase() !== 'include') return !INERT.has(word.toLowerCase());
    const included = depth === 0 ? undefined : listIncluded(rest);
    return included === undefined || included.some((file) => isEffective(file, depth - 1));
  });
}

/** The files of an Include of one absolute path with at most a `*` in its last part; undefined for any other. */
function listIncluded(pattern: string): string[] | undefined {
  const [, directory, start, end] = /^(\/[\w./-]*)\/([\w.-]*)\*?([\w.-]*)$/.exec(pattern) ?? [];
  if (directory === undefined || start === undefined || end === undefined) return undefined;
  if (!pattern.includes('*')) return [pattern];
  try {
    const names = readdirSync(directory).filter((name) => name.startsWith(start) && name.endsWith(end));
    return names.map((name) => join(dirname(pattern), name));
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? [] : undefined;
  }
}
