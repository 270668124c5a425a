/** Asks OpenSSH what ssh_config says of a host: Match, Include and patterns are its own to understand. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { VxfleetError } from '../errors.js';
import { DEFAULTS, type SshTarget } from '../inventory/inventory.js';
import { OpenSshAnswer, type ConfigAnswer } from './config-answer.js';
import { readRegular, writeUnlinked, type UnlinkedFile } from './local-files.js';

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

/** One answer takes 8 ms of a processor. */
const ASKED_AT_ONCE = 2 * availableParallelism();

export class SshConfig {
  readonly #options: SshConfigOptions;
  readonly #limit = pLimit(ASKED_AT_ONCE);
  readonly #files: UnlinkedFile[] = [];
  #text: string | undefined;
  #outsidePath: string | undefined;
  #fleetPath: string | undefined;
  #baseline: Promise<OpenSshAnswer> | undefined;

  constructor(options: SshConfigOptions) {
    this.#options = options;
  }

  /**
   * undefined when there is nothing to ask: no `ssh` program, or no line in any file that could matter. Rejects with `usage` when ssh refuses
   * the file, `timeout` when it does not answer.
   */
  async ask(target: SshTarget): Promise<ConfigAnswer | undefined> {
    const baseline = await this.#prepare();
    if (baseline === undefined) return undefined;
    const words = [
      ...(target.user === undefined ? [] : ['-l', target.user]),
      ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    ];
    const path = target.isOutside === true ? this.#pathOutside() : this.#pathOfFleet();
    return { answer: await this.#limit(() => this.#run(path, words, target.host)), baseline };
  }

  /** For connections over `ssh` itself. Rejects with `usage` when there is none, or it refuses to start. */
  async openSsh(): Promise<OpenSshProgram> {
    const { program = 'ssh' } = this.#options;
    const baseline = await this.#askBaseline();
    // Came with 8.7, and -G names it always.
    return { program, configPath: this.#pathOutside(), tellsKeys: baseline.all('sessiontype').length > 0 };
  }

  /** Lets go of its files. */
  async close(): Promise<void> {
    // Whoever still asks has them open, or fails.
    await this.#baseline?.catch(() => undefined);
    for (const file of this.#files.splice(0)) file.close();
    this.#outsidePath = undefined;
    this.#fleetPath = undefined;
  }

  async #prepare(): Promise<OpenSshAnswer | undefined> {
    const { configFile, onTrace = () => {} } = this.#options;
    if (configFile === 'none' || (configFile === undefined && isStock(this.#usualFiles()))) return undefined;
    this.#joinedText();
    try {
      return await this.#askBaseline();
    } catch (thrown) {
      if (!isMissingProgram(thrown) || configFile !== undefined) throw thrown;
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
   * The files as one with the same meaning. The user's is HOME's, where `ssh` itself would take passwd's. -F and the system's are copies: an
   * included file must belong to the user, be writable by nobody else, and have no * in its name; and it finds relative Includes in ~/.ssh.
   */
  #joinedText(): string {
    const { configFile, systemDirectory = '/etc/ssh' } = this.#options;
    if (configFile === 'none') return '';
    const [user, system] = this.#usualFiles();
    this.#text ??=
      configFile === undefined
        ? `Host *\nInclude "${user}"\nHost *\n${withAbsoluteIncludes(textOf(system), systemDirectory)}`
        : readGiven(resolve(configFile));
    return this.#text;
  }

  /** For hosts outside of the fleet, and where the login name is told. */
  #pathOutside(): string {
    this.#outsidePath ??= this.#write(this.#joinedText());
    return this.#outsidePath;
  }

  /**
   * With vxfleet's own default for the login name at its end: `ssh -G` does not tell its default, the name of whoever runs it, from a `User`
   * that says the same.
   */
  #pathOfFleet(): string {
    this.#fleetPath ??= this.#write(`${this.#joinedText()}\nHost *\nUser ${DEFAULTS.sshUser}\n`);
    return this.#fleetPath;
  }

  #write(text: string): string {
    const file = writeUnlinked(text);
    this.#files.push(file);
    return file.path;
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
const isMissingProgram = (thrown: unknown): boolean => thrown instanceof VxfleetError && isMissing(thrown.cause);

function readGiven(path: string): string {
  try {
    return readRegular(path).data.toString();
  } catch (cause) {
    throw new VxfleetError('usage', `cannot read the ssh_config ${path}: ${(cause as Error).message}`, {
      hint: 'name a readable file with -F FILE, or none',
      cause,
    });
  }
}

/** One that is not there says nothing. */
function textOf(path: string): string {
  try {
    return readRegular(path).data.toString();
  } catch (thrown) {
    if (isMissing(thrown)) return '';
    throw new VxfleetError('usage', `cannot read ${path}: ${(thrown as Error).message}`, {
      hint: 'make it a readable file, or leave it out with -F none',
      cause: thrown,
    });
  }
}

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
const DROP_INS = 'ssh_config.d';

/**
 * Whether these files are as Debian installs them, or say as little: then nobody need be asked, 255 times at 8 ms. Each line of an ssh_config sets
 * what its first word names.
 */
function isStock([user, system]: readonly [string, string]): boolean {
  const directory = join(system, '..', DROP_INS);
  const include = new RegExp(`^\\s*include ${directory}/\\*\\.conf\\s*$`, 'i');
  const isInert = (text: string): boolean => text.split('\n').every((line) => INERT.test(line));
  const systemLines = textOf(system).split('\n');
  const dropIns = systemLines.some((line) => include.test(line)) ? listDropIns(directory) : [];
  const rest = systemLines.filter((line) => !include.test(line)).join('\n');
  return [textOf(user), rest, ...dropIns.map(textOf)].every(isInert);
}

function listDropIns(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.conf') && !name.startsWith('.'));
    return names.map((name) => join(directory, name));
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw thrown;
  }
}
