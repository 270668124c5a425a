/** One `ssh` process: started, watched until the host has let it in, then a session; see transport.ts for what that promises. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { VxfleetError } from '../errors.js';
import { bannerError, handshakeTimeout } from './connect-error.js';
import type { EffectiveTarget } from './effective-target.js';
import { endingWithUs } from './local-machine.js';
import type { OpenSshProgress } from './openssh-progress.js';
import { TextTail } from './text-tail.js';
import { inSeconds, settlesWithin } from './timeouts.js';
import type { Session, SessionEnd } from './transport.js';

/** What remains of stderr, the host's program's: enough for a shell's last words. */
const STDERR_KEEP_BYTES = 4096;
/** Default of close(): the host side ends at once on EOF. */
const CLOSE_GRACE_MS = 5000;
/** How long what ssh has read, and what a ProxyCommand still says, may take to come out of the pipes after its end. */
const DRAIN_MS = 500;
/** ssh's own bound for TCP is in whole seconds, and it says more than ours: ours comes after it. */
const CONNECT_SLACK_MS = 250;

export interface StartOptions {
  /** The hosts on the way, the first first, and the target. */
  readonly path: readonly EffectiveTarget[];
  readonly argv: readonly string[];
  readonly progress: OpenSshProgress;
  /** Whether `progress` hears more than that a host has let us in. */
  readonly tellsKeys: boolean;
  /** For key exchange and login, each. */
  readonly readyTimeoutMs: number;
  /** What has ended before it was let in. */
  readonly explain: () => Promise<VxfleetError>;
}

export class OpenSshSession implements Session {
  readonly host: string;
  readonly ended: Promise<SessionEnd>;
  readonly #options: StartOptions;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stderr = new TextTail(STDERR_KEEP_BYTES);
  readonly #early: Buffer[] = [];
  #listener: ((chunk: Buffer) => void) | undefined;
  #onNews: () => void = () => {};
  #dropReason: string | undefined;

  private constructor(host: string, options: StartOptions) {
    this.host = host;
    this.#options = options;
    const [program, ...words] = endingWithUs(options.argv);
    // In a session of its own: Ctrl-C must not take the way from a host whose trial is still to be put back, and nothing can be asked there.
    this.#child = spawn(program, words, {
      detached: true,
      stdio: 'pipe',
      env: { ...process.env, LC_ALL: 'C', SSH_ASKPASS_REQUIRE: 'never' },
    });
    this.ended = this.#watch();
  }

  /** Resolves when the host has let us in. Rejects with connect, host-key, auth, protocol or usage; the process is gone then. */
  static async start(host: string, options: StartOptions): Promise<OpenSshSession> {
    const session = new OpenSshSession(host, options);
    await session.#untilIn();
    return session;
  }

  write(data: string | Buffer): void {
    const { stdin } = this.#child;
    if (stdin.writable) stdin.write(data);
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#listener = listener;
    for (const chunk of this.#early.splice(0)) listener(chunk);
  }

  async close(graceMs = CLOSE_GRACE_MS): Promise<void> {
    const { stdin } = this.#child;
    if (stdin.writable) stdin.end();
    if (!(await settlesWithin(this.ended, graceMs))) this.#drop(`the program did not end within ${inSeconds(graceMs)}`);
  }

  destroy(): void {
    this.#drop('the connection was dropped from this side');
  }

  get #isIn(): boolean {
    return this.#options.progress.level === this.#options.path.length;
  }

  #drop(reason: string): void {
    this.#dropReason ??= reason;
    const { pid, exitCode, signalCode } = this.#child;
    // What has been waited for must not be named by its number.
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      // A ProxyCommand with it: it leads a group.
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }

  async #untilIn(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const news = new Promise<void>((resolve, reject) => {
      const wait = (): void => {
        clearTimeout(timer);
        if (this.#isIn) return resolve();
        const timeoutMs = this.#timeoutMs();
        timer = setTimeout(() => {
          reject(this.#timeoutError(timeoutMs));
          this.#drop('it took too long');
        }, timeoutMs);
      };
      this.#onNews = wait;
      wait();
      this.ended.then(async () => this.#isIn || reject(await this.#options.explain())).catch(reject);
    });
    try {
      await news;
    } finally {
      clearTimeout(timer);
      this.#onNews = () => {};
    }
  }

  /** Until the next mark. */
  #timeoutMs(): number {
    const { path, progress, readyTimeoutMs, tellsKeys } = this.#options;
    const { level, stage } = progress;
    const untilSpoken = (path[level]?.connectTimeoutMs ?? 0) + CONNECT_SLACK_MS;
    return stage === 'started' ? untilSpoken + (tellsKeys ? 0 : readyTimeoutMs) : readyTimeoutMs;
  }

  #timeoutError(timeoutMs: number): VxfleetError {
    const { path, progress } = this.#options;
    const target = path[progress.level] as EffectiveTarget;
    return progress.stage === 'started'
      ? bannerError(this.host, target, target.connectTimeoutMs)
      : handshakeTimeout(this.host, target, timeoutMs);
  }

  #takeStderr(chunk: Buffer): void {
    if (this.#isIn) return this.#stderr.push(chunk);
    const { progress } = this.#options;
    // Only that counts: a host can make ssh write for ever.
    const isNews = progress.push(chunk);
    // What comes after the last mark is the program's.
    if (this.#isIn) this.#stderr.push(Buffer.from(progress.words, 'latin1'));
    if (isNews) this.#onNews();
  }

  async #watch(): Promise<SessionEnd> {
    const child = this.#child;
    // Pipes that broke: the end of the process says why.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {});
    child.stderr.on('data', (chunk: Buffer) => this.#takeStderr(chunk));
    // Read from the start: what a program that ends at once has said would be dropped with its process.
    child.stdout.on('data', (chunk: Buffer) =>
      this.#listener === undefined ? this.#early.push(chunk) : this.#listener(chunk),
    );
    const closed = new Promise<void>((resolve) => void child.once('close', () => resolve()));
    const exitCode = await new Promise<number | null>((resolve) => {
      child.once('error', ({ message }) => {
        this.#takeStderr(Buffer.from(`${message}\n`));
        resolve(null);
      });
      child.once('exit', resolve);
    });
    await settlesWithin(closed, DRAIN_MS);
    const stderr = this.#stderr.toString();
    const killed = this.#dropReason ?? 'the ssh process was killed';
    const lost = exitCode === null ? killed : lossOf(exitCode, stderr);
    return { exitCode: lost === null ? exitCode : null, signal: null, lost, stderr };
  }
}

/** ssh's status for all that is not the program's. */
const OWN_STATUS = 255;
/** How it says that the connection is lost. */
const FAREWELL =
  /^(?:Connection (?:to|closed|reset) |Received disconnect |Disconnected |Timeout, |client_loop: |packet_write_|ssh_dispatch_run_fatal: |Bad packet |Corrupted MAC|Write failed)/;

/** Why the connection was lost, in the words of the other transport where it has the same to say; null = the program has ended. */
function lossOf(exitCode: number, stderr: string): string | null {
  const last = stderr.trim().split('\n').at(-1)?.trim() ?? '';
  if (exitCode !== OWN_STATUS || !FAREWELL.test(last)) return null;
  if (/^Timeout, server .* not responding/.test(last)) return 'Keepalive timeout';
  return /closed by remote host|^Disconnected from |^Received disconnect from /.test(last)
    ? 'the host closed the connection'
    : last;
}
