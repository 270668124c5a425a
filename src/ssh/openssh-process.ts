/** One `ssh` process: started, followed by its log until it has come as far as it should, or explained. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { toVxfleetError, VxfleetError } from '../errors.js';
import { bannerError, bannerTimeoutMs } from './await-banner.js';
import { dialError } from './dial.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import { explainFailure } from './openssh-failure.js';
import { inSeconds } from './in-seconds.js';
import type { KnownHostsStore } from './known-hosts-store.js';
import { OpenSshLog, type Stage } from './openssh-log.js';
import type { FollowedLog, OpenSshWorkspace } from './openssh-workspace.js';
import { silence } from './silence.js';
import { TextTail } from './text-tail.js';

/** What remains of stderr, the host's program's: enough for a shell's last words. */
const STDERR_KEEP_BYTES = 4096;
/** ssh's own bound for TCP is in whole seconds, and goes on to the host's next address: ours comes after it. */
const CONNECT_SLACK_MS = 250;

/** What a ProxyCommand still says after ssh has ended is waited for no longer. */
const LAST_WORDS_MS = 500;

export interface ProcessOptions {
  readonly workspace: OpenSshWorkspace;
  /** What the process was told to trust, for when it does not. */
  readonly knownHosts: () => KnownHostsStore;
  /** Of the jump host's master, if the way leads through one. */
  readonly master: OpenSshLog | undefined;
  /** Keys that it will not use, for when no other is taken. */
  readonly notes: readonly string[];
  /** `ssh`, or a path. */
  readonly program: string;
  /** After the program and its log. */
  readonly argv: readonly string[];
  /** As far as it must come. */
  readonly goal: Stage;
  /** As of the connector. */
  readonly leastBannerMs: number | undefined;
  /** For key exchange and login, and for the start of the command, each. */
  readonly readyTimeoutMs: number;
  /** Told of each stage, once; what it throws ends the process. */
  readonly onStage: (stage: Stage, log: OpenSshLog) => void;
}

/** Starts one. Rejects with connect, host-key, auth, protocol or usage; the process is gone then. */
export async function startOpenSsh(
  host: string,
  target: EffectiveTarget,
  options: ProcessOptions,
): Promise<OpenSshProcess> {
  const process = new OpenSshProcess(host, target, options);
  await process.ready;
  return process;
}

export class OpenSshProcess {
  readonly log = new OpenSshLog();
  readonly child: ChildProcessWithoutNullStreams;
  /** Settles when it has come as far as it should; rejects when it never will. */
  readonly ready: Promise<void>;
  /** Settles when the process is gone; its log is read to the end then. */
  readonly gone: Promise<{ readonly exitCode: number | null }>;
  readonly #host: string;
  readonly #target: EffectiveTarget;
  readonly #options: ProcessOptions;
  readonly #file: FollowedLog;
  #stderr = new TextTail(STDERR_KEEP_BYTES);
  #listener: ((chunk: Buffer) => void) | undefined;
  readonly #early: Buffer[] = [];
  #settle!: { resolve: () => void; reject: (error: VxfleetError) => void };
  #isSettled = false;
  #timer: NodeJS.Timeout | undefined;
  #told: Stage | undefined;

  constructor(host: string, target: EffectiveTarget, options: ProcessOptions) {
    this.#host = host;
    this.#target = target;
    this.#options = options;
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.#file = options.workspace.followLog((text) => {
      this.log.push(text);
      this.#advance();
    });
    // In a session of its own: Ctrl-C must not take the way from a host whose trial is still to be put back, and nothing can be asked there.
    this.child = spawn(options.program, ['-E', this.#file.path, ...options.argv], {
      detached: true,
      stdio: 'pipe',
      env: { ...process.env, LC_ALL: 'C' },
    });
    this.gone = this.#watch();
    this.#wait();
  }

  /** The last words of the program on the host. */
  get stderr(): string {
    return this.#stderr.toString();
  }

  /** Hands the program's output on, from its first byte. */
  onData(listener: (chunk: Buffer) => void): void {
    this.#listener = listener;
    for (const chunk of this.#early.splice(0)) listener(chunk);
  }

  /** Ends it, and a ProxyCommand with it: it leads a group. */
  kill(): void {
    const { pid, exitCode, signalCode } = this.child;
    // What has been waited for must not be named by its number.
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }

  #watch(): OpenSshProcess['gone'] {
    const { child } = this;
    // Pipes that broke: the end of the process says why.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {});
    child.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    // Read from the start: what a program that ends at once has said would be dropped with its process.
    child.stdout.on('data', (chunk: Buffer) =>
      this.#listener === undefined ? this.#early.push(chunk) : this.#listener(chunk),
    );
    child.on('error', (cause) => {
      this.#file.stop();
      this.#fail(missingProgram(this.#options.program, cause));
    });
    return new Promise((resolve) => {
      child.on('exit', (exitCode) => {
        this.#file.read();
        this.#file.stop();
        this.log.finish();
        this.#advance();
        resolve({ exitCode });
        if (!this.#isSettled) this.#failAfterLastWords();
      });
    });
  }

  #advance(): void {
    const { log } = this;
    if (this.#isSettled || log.stage === this.#told) return;
    this.#told = log.stage;
    try {
      this.#options.onStage(log.stage, log);
    } catch (thrown) {
      return this.#fail(toVxfleetError(thrown));
    }
    // What came so far is sshd's Banner, or a ProxyCommand's.
    if (log.stage === 'logged in' || log.stage === 'in session') this.#stderr = new TextTail(STDERR_KEEP_BYTES);
    if (!log.hasReached(this.#options.goal)) return this.#wait();
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#settle.resolve();
  }

  /** For the next stage. */
  #wait(): void {
    clearTimeout(this.#timer);
    const { log } = this;
    const isDialling = this.#target.route.kind === 'direct' && !log.hasReached('connected');
    const timeoutMs = isDialling ? this.#target.connectTimeoutMs : this.#timeoutOf(log);
    const expire = (): void => this.#fail(timeoutError(this.#host, this.#target, log, timeoutMs));
    this.#timer = setTimeout(expire, timeoutMs + (isDialling ? CONNECT_SLACK_MS : 0));
  }

  #timeoutOf(log: OpenSshLog): number {
    const { readyTimeoutMs, leastBannerMs } = this.#options;
    return log.hasReached('spoken') ? readyTimeoutMs : bannerTimeoutMs(this.#target, leastBannerMs);
  }

  #failAfterLastWords(): void {
    const { knownHosts, master, notes } = this.#options;
    const explain = (): void => {
      if (this.#isSettled) return;
      try {
        const evidence = { log: this.log, stderr: this.stderr, knownHosts: knownHosts(), master, notes };
        this.#fail(explainFailure(this.#host, this.#target, evidence));
      } catch (thrown) {
        // A known_hosts that cannot be read.
        this.#fail(toVxfleetError(thrown));
      }
    };
    // A ProxyCommand's may still be in the pipe.
    this.child.once('close', explain);
    setTimeout(explain, LAST_WORDS_MS);
  }

  #fail(error: VxfleetError): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.kill();
    this.#settle.reject(error);
  }
}

function timeoutError(host: string, target: EffectiveTarget, log: OpenSshLog, timeoutMs: number): VxfleetError {
  if (target.route.kind === 'direct' && !log.hasReached('connected')) {
    return dialError(host, target, silence(`no answer within ${inSeconds(timeoutMs)}`));
  }
  if (!log.hasReached('spoken')) return bannerError(host, target, timeoutMs);
  const where = placeOf(target);
  const reason = log.hasReached('logged in')
    ? `${where} did not start the command within ${inSeconds(timeoutMs)}`
    : `${where} did not finish the SSH handshake within ${inSeconds(timeoutMs)}`;
  return new VxfleetError('connect', reason, {
    host,
    hint: `is the host overloaded? try: ${sshCommand(target, '-v')}`,
    cause: silence(reason),
  });
}

/** No such program, or no more processes. */
function missingProgram(program: string, cause: Error): VxfleetError {
  return new VxfleetError('usage', `cannot start ${program}: ${cause.message}`, {
    hint: 'the transport openssh needs the ssh program: install openssh-client, or use --transport ssh2',
    cause,
  });
}
