/** Asks OpenSSH what ssh_config says of a host: Match, Include and patterns are its own to understand. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { VxfleetError } from '../errors.js';
import { DEFAULTS, type SshTarget } from '../inventory/inventory.js';
import { OpenSshAnswer, type ConfigAnswer } from './config-answer.js';
import { readRegular, writeUnlinked, type UnlinkedFile } from './local-machine.js';

export interface SshConfigOptions {
  /** Where `~/.ssh/config` is looked for. */
  readonly home: string;
  /** `-F FILE`, or `none`. */
  readonly configFile?: string | undefined;
  /** Default `ssh`. */
  readonly program?: string | undefined;
  /** Where the system's file is; default `/etc/ssh`. */
  readonly systemDirectory?: string | undefined;
  /** For one answer; default 10 s: a `Match exec` or a canonical name may take its time. */
  readonly timeoutMs?: number | undefined;
  readonly onTrace?: ((message: string) => void) | undefined;
}

/** What `ssh` is started with. */
export interface OpenSshProgram {
  /** `ssh`, or a path. */
  readonly program: string;
  /** The ssh_config, for -F. */
  readonly configPath: string;
  /** Whether it can tell us which key a host shows (KnownHostsCommand): OpenSSH 8.5 and newer. */
  readonly tellsKeys: boolean;
}

type JoinedFiles = Readonly<Record<'fleet' | 'outside', UnlinkedFile>>;

/** One answer takes 8 ms of a processor. */
const ASKED_AT_ONCE = 2 * availableParallelism();

export class SshConfig {
  readonly #options: SshConfigOptions;
  readonly #limit = pLimit(ASKED_AT_ONCE);
  #ready: Promise<OpenSshAnswer | undefined> | undefined;
  #baseline: Promise<OpenSshAnswer> | undefined;
  #files: JoinedFiles | undefined;

  constructor(options: SshConfigOptions) {
    this.#options = options;
  }

  /**
   * undefined when there is nothing to ask: no `ssh` program, or no line in any file that could matter. Rejects with `usage` when ssh refuses
   * the file, `timeout` when it does not answer.
   */
  async ask(target: SshTarget): Promise<ConfigAnswer | undefined> {
    this.#ready ??= this.#prepare();
    const baseline = await this.#ready;
    if (baseline === undefined) return undefined;
    const words = [
      ...(target.user === undefined ? [] : ['-l', target.user]),
      ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    ];
    const { path } = this.#joined()[target.isOutside === true ? 'outside' : 'fleet'];
    return { answer: await this.#limit(() => this.#run(path, words, target.host)), baseline };
  }

  /** For connections over `ssh` itself. Rejects with `usage` when there is none, or it refuses to start. */
  async openSsh(): Promise<OpenSshProgram> {
    const { program = 'ssh' } = this.#options;
    const baseline = await this.#askBaseline();
    // Came with 8.7, and -G names it always.
    const tellsKeys = baseline.all('sessiontype').length > 0;
    return { program, configPath: this.#joined().outside.path, tellsKeys };
  }

  /** Lets go of its files; whoever still asks fails. */
  async close(): Promise<void> {
    this.#files?.fleet.close();
    this.#files?.outside.close();
    this.#files = undefined;
  }

  async #prepare(): Promise<OpenSshAnswer | undefined> {
    const { configFile, onTrace = () => {} } = this.#options;
    if (configFile === 'none' || (configFile === undefined && isStock(this.#usualFiles()))) {
      onTrace('ssh_config: no file has a line about connections, ssh -G is not asked');
      return undefined;
    }
    this.#joined();
    try {
      return await this.#askBaseline();
    } catch (thrown) {
      const isMissingProgram = thrown instanceof VxfleetError && isMissing(thrown.cause);
      if (!isMissingProgram || configFile !== undefined) throw thrown;
      onTrace('ssh_config: there is no ssh program, the inventory alone is used');
      return undefined;
    }
  }

  #askBaseline(): Promise<OpenSshAnswer> {
    this.#baseline ??= this.#run('none', [], 'baseline');
    return this.#baseline;
  }

  /** The user's, then the system's. */
  #usualFiles(): readonly [string, string] {
    const { home, systemDirectory = '/etc/ssh' } = this.#options;
    return [join(home, '.ssh/config'), join(systemDirectory, 'ssh_config')];
  }

  /**
   * The files as one with the same meaning, for hosts outside the fleet; and, for those of the fleet, with vxfleet's own default for the login name at its
   * end: `ssh -G` does not tell its default, the name of whoever runs it, from a `User` that says the same. Throws `usage`.
   */
  #joined(): JoinedFiles {
    if (this.#files !== undefined) return this.#files;
    const text = this.#text();
    const fleet = writeUnlinked(`${text}\nHost *\nUser ${DEFAULTS.sshUser}\n`);
    this.#files = { fleet, outside: writeUnlinked(text) };
    return this.#files;
  }

  /**
   * The user's is HOME's, where `ssh` itself would take passwd's. -F and the system's are copies: an included file must belong to the user, be writable
   * by nobody else, and have no * in its name; and it finds relative Includes in ~/.ssh.
   */
  #text(): string {
    const { configFile } = this.#options;
    if (configFile === 'none') return '';
    if (configFile !== undefined) return readGiven(resolve(configFile));
    const [user, system] = this.#usualFiles();
    return `Host *\nInclude "${user}"\nHost *\n${withAbsoluteIncludes(textOf(system), dirname(system))}`;
  }

  #run(config: string, words: readonly string[], host: string): Promise<OpenSshAnswer> {
    const { program = 'ssh', timeoutMs = 10_000 } = this.#options;
    // -T: without it, ssh complains that stdin is no terminal. --: a record of a host's may name a host that begins with a dash.
    const argv = ['-T', '-G', '-F', config, ...words, '--', host];
    const options = { timeout: timeoutMs, env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 2 ** 20 };
    return new Promise((done, reject) => {
      const child = execFile(program, argv, options, (error, stdout, stderr) => {
        if (error === null) done(new OpenSshAnswer(stdout));
        else reject(this.#failure(host, error, this.#inOwnWords(stderr, config), timeoutMs));
      });
      // A Match exec must not read what is typed for vxfleet.
      child.stdin?.end();
    });
  }

  #failure(host: string, error: Error & { killed?: boolean }, stderr: string, timeoutMs: number): VxfleetError {
    const { program = 'ssh' } = this.#options;
    const fail = (code: 'usage' | 'timeout', message: string, hint: string): VxfleetError =>
      new VxfleetError(code, message, { hint, cause: error });
    if (error.killed === true) {
      const hint = 'look at the Match exec and CanonicalizeHostname lines of your ssh_config; -F none leaves it out';
      return fail('timeout', `ssh -G ${host} did not answer within ${timeoutMs / 1000} s`, hint);
    }
    const reason = stderr === '' ? error.message : stderr;
    if (isMissing(error)) {
      const hint = 'install openssh-client, or use --transport ssh2 and leave the ssh_config out with -F none';
      return fail('usage', `cannot start ${program}: ${reason}`, hint);
    }
    // Of itself, whatever the file says: OpenSSH starts for nobody without a name.
    if (reason.startsWith('No user exists for uid')) {
      const hint = 'give that uid a line in /etc/passwd, or leave the file out with -F none';
      return fail('usage', `${program} cannot be asked what the ssh_config says: ${reason}`, hint);
    }
    const hint = 'correct the file, name another one with -F FILE, or leave it out with -F none';
    return fail('usage', `${program} -G ${host} refuses the ssh_config: ${reason}`, hint);
  }

  /** What ssh says on stderr, about the file that the person knows. */
  #inOwnWords(stderr: string, config: string): string {
    const { configFile } = this.#options;
    const lines = stderr.split(/\r?\n/).filter((line) => line !== '' && !line.includes(': terminating, '));
    const text = lines.join('; ');
    return configFile === undefined ? text : text.replaceAll(config, resolve(configFile));
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

function readGiven(path: string): string {
  try {
    return readRegular(path).data.toString();
  } catch (cause) {
    const message = `cannot read the ssh_config ${path}: ${(cause as Error).message}`;
    throw new VxfleetError('usage', message, { hint: 'name a readable file with -F FILE, or none', cause });
  }
}

/** One that is not there says nothing. */
const textOf = (path: string): string => (existsSync(path) ? readGiven(path) : '');

/** What a file of the system's includes without a path is beside it. */
const withAbsoluteIncludes = (text: string, directory: string): string =>
  text.replace(/^(\s*include\b\s*=?)(.*)$/gim, (_line, word: string, paths: string) =>
    [word, ...paths.trim().split(/\s+/)]
      .map((path, index) => {
        const isRelative = index > 0 && !/^"?[/~]/.test(path);
        return isRelative ? path.replace(/^"?/, (quote) => `${quote}${directory}/`) : path;
      })
      .join(' '),
  );

/** Settings that no transport takes from ssh_config, and words that only say to whom the next lines apply. */
const INERT = new RegExp(
  `^\\s*(?:#|$|(?:${[
    'host|match|sendenv|setenv|hashknownhosts|updatehostkeys|visualhostkey|checkhostip|loglevel|escapechar|requesttty',
    'gssapi\\w+|forwardagent|forwardx11|forwardx11trusted|xauthlocation|addkeystoagent',
    'compression|controlmaster|controlpath|controlpersist|tcpkeepalive|ipqos',
  ].join('|')})(?:[\\s=]|$))`,
  'i',
);

/**
 * Whether these files are as Debian installs them, or say as little: then nobody need be asked, 255 times at 8 ms. Each line of an ssh_config sets
 * what its first word names.
 */
function isStock([user, system]: readonly [string, string]): boolean {
  const directory = join(dirname(system), 'ssh_config.d');
  const include = `Include ${directory}/*.conf`;
  const lines = textOf(system).split('\n');
  const hasDropIns = lines.includes(include) && existsSync(directory);
  const dropIns = hasDropIns ? readdirSync(directory).filter((name) => /^[^.].*\.conf$/.test(name)) : [];
  const others = [user, ...dropIns.map((name) => join(directory, name))].flatMap((path) => textOf(path).split('\n'));
  return [...lines.filter((line) => line !== include), ...others].every((line) => INERT.test(line));
}
