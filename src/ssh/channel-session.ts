/** A program on a host over an ssh2 client that is logged in. */
import type { Client, ClientChannel } from 'ssh2';
import { VxfleetError } from '../errors.js';
import { placeOf, sshCommand, type EffectiveTarget } from './effective-target.js';
import type { Connection, Link } from './link.js';
import { TextTail } from './text-tail.js';
import { inSeconds, settlesWithin, silence } from './timeouts.js';
import type { Session, SessionEnd } from './transport.js';

/** What remains of stderr: enough for a shell's last words. */
const STDERR_KEEP_BYTES = 4096;
/** How long the host may take to close its side of an ended connection. */
const HANGUP_MS = 1000;
/** Default of close(): the host side ends at once on EOF. */
const CLOSE_GRACE_MS = 5000;

/** Starts the program. Rejects with code `protocol` when the host refuses the channel, `connect` when it is lost or silent. */
export function startProgram(
  { client, link }: Connection,
  host: string,
  target: EffectiveTarget,
  command: string,
  timeoutMs: number,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const where = placeOf(target);
    const fail = (error: VxfleetError): void => {
      clearTimeout(timer);
      client.off('close', onClose);
      link.stream.destroy();
      reject(error);
    };
    const onClose = (): void =>
      fail(
        new VxfleetError('connect', `${where} closed the connection right after the login`, {
          host,
          hint: refusedHint(target),
        }),
      );
    const timer = setTimeout(() => {
      const reason = `did not start the command within ${inSeconds(timeoutMs)}`;
      fail(
        new VxfleetError('connect', `${where} ${reason}`, { host, hint: refusedHint(target), cause: silence(reason) }),
      );
    }, timeoutMs);
    client.once('close', onClose);
    try {
      // exec() throws instead of calling back when the connection is gone already.
      client.exec(command, (error, channel) => {
        if (error !== undefined) {
          if (error.message === 'No response from server') return onClose();
          return fail(
            new VxfleetError('protocol', `${where} let ${target.user} in but runs no command: ${error.message}`, {
              host,
              hint: refusedHint(target),
              cause: error,
            }),
          );
        }
        clearTimeout(timer);
        client.off('close', onClose);
        resolve(new ChannelSession(host, { client, link }, channel));
      });
    } catch {
      onClose();
    }
  });
}

function refusedHint(target: EffectiveTarget): string {
  return `look at sshd's MaxSessions and ForceCommand and at the account's shell; try: ${sshCommand(target)}`;
}

/** Session over one exec channel; see transport.ts for what it promises. */
class ChannelSession implements Session {
  readonly host: string;
  readonly ended: Promise<SessionEnd>;
  readonly #client: Client;
  readonly #link: Link;
  readonly #channel: ClientChannel;
  readonly #stderr = new TextTail(STDERR_KEEP_BYTES);
  #hasEnded = false;
  #dropReason: string | undefined;

  constructor(host: string, { client, link }: Connection, channel: ClientChannel) {
    this.host = host;
    this.#client = client;
    this.#link = link;
    this.#channel = channel;
    channel.on('error', () => {});
    channel.stderr.on('error', () => {});
    // Reading on keeps the window open: a program that floods stderr must not block.
    channel.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.ended = this.#watch();
  }

  write(data: string | Buffer): void {
    if (!this.#hasEnded && this.#channel.writable) this.#channel.write(data);
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#channel.on('data', listener);
  }

  async close(graceMs = CLOSE_GRACE_MS): Promise<void> {
    if (this.#channel.writable) this.#channel.end();
    // Unread output would keep the channel from closing.
    this.#channel.resume();
    if (!(await settlesWithin(this.ended, graceMs))) this.#drop(`the program did not end within ${inSeconds(graceMs)}`);
    if (this.#link.stream.destroyed) return;
    this.#client.end();
    // The program has ended: that the host hangs up too is worth no round trip to anybody.
    this.#link.unref();
    setTimeout(() => this.#link.stream.destroy(), HANGUP_MS).unref();
  }

  destroy(): void {
    this.#drop('the connection was dropped from this side');
  }

  #drop(reason: string): void {
    this.#dropReason ??= reason;
    this.#link.stream.destroy();
  }

  #watch(): Promise<SessionEnd> {
    return new Promise((resolve) => {
      let exit: { code: number | null; signal: string | null } | undefined;
      let isOutputComplete = false;
      let failure: string | undefined;
      const settle = (lost: string | null): void => {
        if (this.#hasEnded) return;
        this.#hasEnded = true;
        const exitCode = lost === null ? (exit?.code ?? null) : null;
        resolve({ exitCode, signal: exit?.signal ?? null, lost, stderr: this.#stderr.toString() });
      };
      this.#channel.on('exit', (code: number | null, signal?: string) => {
        exit = { code, signal: signal ?? null };
      });
      this.#channel.on('end', () => {
        isOutputComplete = true;
      });
      this.#channel.on('close', () => settle(null));
      this.#client.on('error', (error: Error) => {
        failure ??= error.message;
      });
      // ssh2 closes the client first and then pretends an orderly end of its channels.
      this.#client.on('close', () => {
        const isOrderly = exit !== undefined && isOutputComplete;
        settle(
          isOrderly
            ? null
            : (this.#dropReason ?? this.#link.endReason() ?? failure ?? 'the host closed the connection'),
        );
      });
    });
  }
}
