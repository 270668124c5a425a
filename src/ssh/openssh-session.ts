/** A session over one `ssh` process; see transport.ts for what it promises. */
import type { OpenSshLog } from './openssh-log.js';
import { inSeconds } from './in-seconds.js';
import type { OpenSshProcess } from './openssh-process.js';
import { settlesWithin } from './settles-within.js';
import type { Session, SessionEnd } from './transport.js';

/** Default of close(): the host side ends at once on EOF. */
const CLOSE_GRACE_MS = 5000;
/** How long what ssh has read may take to come out of the pipe after its end. Only a ProxyCommand that holds the pipe takes longer. */
const DRAIN_MS = 2000;

export class OpenSshSession implements Session {
  readonly host: string;
  readonly ended: Promise<SessionEnd>;
  readonly #process: OpenSshProcess;
  #dropReason: string | undefined;

  /** @param process that runs the host's program */
  constructor(host: string, process: OpenSshProcess) {
    this.host = host;
    this.#process = process;
    this.ended = this.#watch();
  }

  write(data: string | Buffer): void {
    const { stdin } = this.#process.child;
    if (stdin.writable) stdin.write(data);
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#process.onData(listener);
  }

  async close(graceMs = CLOSE_GRACE_MS): Promise<void> {
    const { stdin } = this.#process.child;
    if (stdin.writable) stdin.end();
    if (!(await settlesWithin(this.ended, graceMs))) this.#drop(`the program did not end within ${inSeconds(graceMs)}`);
  }

  destroy(): void {
    this.#drop('the connection was dropped from this side');
  }

  #drop(reason: string): void {
    this.#dropReason ??= reason;
    this.#process.kill();
  }

  async #watch(): Promise<SessionEnd> {
    const { child, gone, log } = this.#process;
    const closed = new Promise<void>((resolve) => void child.once('close', () => resolve()));
    const { exitCode } = await gone;
    await settlesWithin(closed, DRAIN_MS);
    const { stderr } = this.#process;
    if (log.programEnd === undefined) {
      return { exitCode: null, signal: null, lost: this.#dropReason ?? lossOf(log), stderr };
    }
    const isKilled = log.programEnd === 'signal';
    return { exitCode: isKilled ? null : exitCode, signal: isKilled ? 'a signal' : null, lost: null, stderr };
  }
}

/** ssh's last words, in those of the other transport where it has the same to say. */
function lossOf({ messages }: OpenSshLog): string {
  const last = messages.at(-1);
  if (last === undefined) return 'ssh ended without a word';
  if (/^Timeout, server .* not responding/.test(last)) return 'Keepalive timeout';
  return /closed by remote host|^Disconnected from |^Received disconnect from /.test(last)
    ? 'the host closed the connection'
    : last;
}
