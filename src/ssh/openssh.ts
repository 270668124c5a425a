/** Asks OpenSSH what ssh_config says of a host: Match, Include and patterns are its own to understand. */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import { canMatter, configFiles, JoinedConfig, type ConfigFiles } from './openssh-config.js';
import { OpenSshAnswer } from './openssh-answer.js';

export interface OpenSshOptions {
  /** Where `~/.ssh/config` is looked for. */
  readonly home: string;
  /** `-F FILE`, or `none`. */
  readonly configFile?: string | undefined;
  /** Default `ssh`. */
  readonly program?: string | undefined;
  /** For one answer; default 10 s: a `Match exec` or a canonical name may take its time. */
  readonly timeoutMs?: number | undefined;
  readonly onTrace?: ((message: string) => void) | undefined;
}

/** What ssh_config says of a host, beside what `ssh` says without any file. */
export interface ConfigAnswer {
  readonly answer: OpenSshAnswer;
  readonly baseline: OpenSshAnswer;
}

/** One answer takes 8 ms of a processor. */
const ASKED_AT_ONCE = 2 * availableParallelism();

export class OpenSsh {
  readonly #options: OpenSshOptions;
  readonly #files: ConfigFiles;
  readonly #limit = pLimit(ASKED_AT_ONCE);
  #ready: Promise<{ readonly config: JoinedConfig; readonly baseline: OpenSshAnswer } | undefined> | undefined;

  constructor(options: OpenSshOptions) {
    this.#options = options;
    this.#files = configFiles(options.home, options.configFile);
  }

  /**
   * undefined when there is nothing to ask: no `ssh` program, or no line in any file that could matter. Rejects with `usage` when ssh refuses
   * the file, `timeout` when it does not answer.
   */
  async ask(target: SshTarget): Promise<ConfigAnswer | undefined> {
    this.#ready ??= this.#prepare();
    const ready = await this.#ready;
    if (ready === undefined) return undefined;
    const { config, baseline } = ready;
    const words = [
      ...(target.user === undefined ? [] : ['-l', target.user]),
      ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    ];
    const path = target.isOutside === true ? config.outsidePath : config.path;
    return { answer: await this.#limit(() => this.#run(path, words, target.host)), baseline };
  }

  /** Removes what `ask` has left on the disk. */
  async close(): Promise<void> {
    (await this.#ready?.catch(() => undefined))?.config.remove();
  }

  async #prepare(): Promise<{ readonly config: JoinedConfig; readonly baseline: OpenSshAnswer } | undefined> {
    const { onTrace = () => {} } = this.#options;
    if (!canMatter(this.#files)) {
      onTrace('ssh_config: no file has a line about connections, ssh -G is not asked');
      return undefined;
    }
    const config = new JoinedConfig(this.#files);
    try {
      return { config, baseline: await this.#run('none', [], 'baseline') };
    } catch (thrown) {
      config.remove();
      const isMissing = thrown instanceof VxfleetError && (thrown.cause as NodeJS.ErrnoException)?.code === 'ENOENT';
      if (!isMissing || this.#files.kind === 'given') throw thrown;
      onTrace('ssh_config: there is no ssh program, the inventory alone is used');
      return undefined;
    }
  }

  #run(config: string, words: readonly string[], host: string): Promise<OpenSshAnswer> {
    const { program = 'ssh', timeoutMs = 10_000 } = this.#options;
    // -T: without it, ssh complains that stdin is no terminal. --: a record of a host's may name a host that begins with a dash.
    const argv = ['-T', '-G', '-F', config, ...words, '--', host];
    const options = { timeout: timeoutMs, env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 2 ** 20 };
    return new Promise((resolve, reject) => {
      const child = execFile(program, argv, options, (error, stdout, stderr) => {
        if (error === null) resolve(new OpenSshAnswer(stdout));
        else reject(this.#failure(host, error, this.#inOwnWords(stderr, config), timeoutMs));
      });
      // A Match exec must not read what is typed for vxfleet.
      child.stdin?.end();
    });
  }

  #failure(host: string, error: Error & { killed?: boolean }, stderr: string, timeoutMs: number): VxfleetError {
    const { program = 'ssh' } = this.#options;
    if (error.killed === true) {
      return new VxfleetError('timeout', `ssh -G ${host} did not answer within ${timeoutMs / 1000} s`, {
        hint: 'look at the Match exec and CanonicalizeHostname lines of your ssh_config; -F none leaves it out',
        cause: error,
      });
    }
    const reason = stderr === '' ? error.message : stderr;
    // Of itself, whatever the file says: OpenSSH starts for nobody without a name.
    if (reason.startsWith('No user exists for uid')) {
      return new VxfleetError('usage', `${program} cannot be asked what the ssh_config says: ${reason}`, {
        hint: 'give that uid a line in /etc/passwd, or leave the file out with -F none',
        cause: error,
      });
    }
    return new VxfleetError('usage', `${program} -G ${host} refuses the ssh_config: ${reason}`, {
      hint: 'correct the file, name another one with -F FILE, or leave it out with -F none',
      cause: error,
    });
  }

  /** What ssh says on stderr, about the file that the person knows. */
  #inOwnWords(stderr: string, config: string): string {
    const lines = stderr.split(/\r?\n/).filter((line) => line !== '' && !line.includes(': terminating, '));
    const text = lines.join('; ');
    return this.#files.kind === 'given' ? text.replaceAll(config, this.#files.path) : text;
  }
}
