/** A host program at the other end of one connection: commands go out pipelined, answers come back matched by number. */
import { randomBytes } from 'node:crypto';
import type { SshTarget } from '../inventory/inventory.js';
import type { Session, SessionEnd, Transport } from '../ssh/transport.js';
import { VxfleetError } from '../errors.js';
import { bytesOf } from '../text-bytes.js';
import { FrameReader, type Reply } from './frames.js';
import { isWord, PARTS_OF, type HostCommand } from './host-command.js';
import { HOST_PROGRAM } from './host-program.js';
import { openAsRoot } from './open-as-root.js';
import { startFailure } from './start-failure.js';
import { STRANGE_HINT, unreadable } from './read-answer.js';
import { PERL, startInput, starterOf } from './starter.js';

/** Who does what: told to whoever finds the run's lock, and kept with its generations. */
export interface RunIdentity {
  /** The run's id. */
  readonly run: string;
  /** `user@controller`. */
  readonly operator: string;
  /** When the run began, ISO 8601 in UTC, to the second. */
  readonly since: string;
  /** The command line without the program's name, such as `deploy tokyo`. */
  readonly command: string;
}

export interface HostSessionOptions {
  readonly identity: RunIdentity;
  /** Seconds a trial goes on without a word from us before the host ends it alone. */
  readonly windowSeconds: number;
  /** May the run change anything? */
  readonly writes: boolean;
  /** The password for sudo on a target that becomes root; undefined: sudo must not ask for one there. */
  readonly becomePasswordOf?: ((target: SshTarget) => string | undefined) | undefined;
}

/** How long a session that was told to end may take to unwind its trials, in ms: an ifdown and an ifup at their longest. */
const CLOSE_GRACE_MS = 75_000;
/** How long the host program may take to say hello after the channel is open, in ms: a slow start-up file, a busy host. */
const HELLO_TIMEOUT_MS = 30_000;
/** How long what runs in its place may take to end on the end of its stdin, in ms. */
const STRANGER_GRACE_MS = 1000;
/** Bytes of an answer. An inspection of 255 tunnels is about 1 MB, and a hub keeps records of as many. */
const MOST_BYTES_OF_HUB = 64 * 1024 * 1024;
/** 32 of them may be connected at once. */
const MOST_BYTES_OF_SPOKE = 8 * 1024 * 1024;
/** Signs of life a window: one that is late must not end a run. */
const SIGNS_A_WINDOW = 4;

/** What answers commands. */
export type Caller = Pick<HostSession, 'host' | 'call'>;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: VxfleetError) => void;
  readonly timer: NodeJS.Timeout;
}

export class HostSession {
  readonly host: string;
  readonly #session: Session;
  readonly #user: string | undefined;
  readonly #reader: FrameReader;
  readonly #waiting = new Map<number, Waiting>();
  readonly #loaded = new Set<string>();
  readonly #signs: NodeJS.Timeout;
  readonly #hello: NodeJS.Timeout;
  #next = 1;
  #isSilent = false;
  #lost: VxfleetError | undefined;

  private constructor(host: string, session: Session, user: string | undefined, nonce: string, windowSeconds: number) {
    this.host = host;
    this.#session = session;
    this.#user = user;
    this.#reader = new FrameReader(nonce, {
      isAsked: (sequence) => this.#waiting.has(sequence),
      onReply: (sequence, reply) => this.#take(sequence, reply),
      mostBytes: host === 'hub' ? MOST_BYTES_OF_HUB : MOST_BYTES_OF_SPOKE,
    });
    session.onData((chunk) => this.#hear(chunk));
    this.#hello = setTimeout(() => this.#giveUpSilent(), HELLO_TIMEOUT_MS).unref();
    // What the host's TCP believes of a controller that lost its power is true only hours later.
    this.#signs = setInterval(() => session.write('0 alive 0\n'), (windowSeconds * 1000) / SIGNS_A_WINDOW).unref();
    void session.ended.then((end) => this.#end(end));
  }

  /**
   * Connects and starts the program, as root. Rejects with connect, host-key, auth (sudo's refusal too), lost, timeout or protocol. That a host
   * does not run the program is what the first call rejects with.
   */
  static async open(
    transport: Transport,
    host: string,
    target: SshTarget,
    options: HostSessionOptions,
  ): Promise<HostSession> {
    const nonce = randomBytes(16).toString('hex');
    const program = `${assignments(nonce, options)}\n${HOST_PROGRAM}`;
    const starter = starterOf(program);
    const opened =
      target.become === true
        ? await openAsRoot(transport, host, target, starter, options.becomePasswordOf?.(target))
        : await transport.open(host, target, `${PERL} '${starter}'`);
    const session = new HostSession(host, opened, target.user, nonce, options.windowSeconds);
    session.#session.write(startInput(program));
    return session;
  }

  /** Why no command can be sent any more; undefined as long as the session stands. */
  get lost(): VxfleetError | undefined {
    return this.#lost;
  }

  /** Did the host run our program? */
  get hasAnswered(): boolean {
    return this.#reader.hasHeard;
  }

  /** Sends a command. Rejects with lost or timeout, or protocol when the host does not run the program; a command that failed on the host is a reply with ok: false. */
  call(command: HostCommand): Promise<Reply> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    if (!command.args.every(isWord)) {
      return Promise.reject(unreadable(this.host, new Error(`${command.verb} would be given what is no word`)));
    }
    const sequence = this.#next++;
    const payload = bytesOf(command.payload ?? '');
    const timeoutMs = command.timeoutMs + (sequence === 1 ? HELLO_TIMEOUT_MS : 0);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(sequence);
        reject(
          new VxfleetError(
            'timeout',
            `${this.host} did not answer ${command.verb} within ${Math.round(timeoutMs / 1000)} s`,
            {
              host: this.host,
              hint: 'The host ends an open trial alone when its window is over. Look at its load and at its connection.',
            },
          ),
        );
      }, timeoutMs);
      this.#waiting.set(sequence, { resolve, reject, timer });
      this.#load(PARTS_OF[command.verb] ?? []);
      const words = [sequence, command.verb, payload.length, ...command.args].join(' ');
      this.#session.write(Buffer.concat([Buffer.from(`${words}\n`), payload]));
    });
  }

  /** Sends each of these parts once. */
  #load(parts: readonly string[]): void {
    for (const part of parts) {
      if (!this.#loaded.has(part)) this.#session.write(`0 load ${part.length}\n${part}`);
      this.#loaded.add(part);
    }
  }

  /** Ends the program's stdin and waits until it is gone; it takes back every trial that is still open. */
  async close(): Promise<void> {
    clearInterval(this.#signs);
    await this.#session.close(this.#reader.hasHeard ? CLOSE_GRACE_MS : STRANGER_GRACE_MS);
  }

  /** Whatever runs there is not our program; its last words come with its end. */
  #giveUpSilent(): void {
    if (this.#reader.hasHeard) return;
    this.#isSilent = true;
    void this.close();
  }

  #take(sequence: number, reply: Reply): void {
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined) return;
    this.#waiting.delete(sequence);
    clearTimeout(waiting.timer);
    waiting.resolve(reply);
  }

  /** A host that says too much, or what cannot be read, fails alone. */
  #hear(chunk: Buffer): void {
    if (this.#lost !== undefined) return;
    try {
      const fault = this.#reader.push(chunk);
      if (fault === undefined) return;
      this.#lose(new VxfleetError('protocol', `${this.host} sent ${fault}`, { host: this.host, hint: STRANGE_HINT }));
    } catch (error) {
      this.#lose(unreadable(this.host, error));
    }
    this.#session.destroy();
  }

  #end(end: SessionEnd): void {
    const isUnstarted = this.#isSilent || (end.lost === null && !this.#reader.hasHeard);
    try {
      this.#lose(isUnstarted ? this.#unstarted(end) : this.#lossOf(end));
    } catch (error) {
      this.#lose(unreadable(this.host, error));
    }
  }

  /** The first reason stands. */
  #lose(why: VxfleetError): void {
    clearInterval(this.#signs);
    clearTimeout(this.#hello);
    this.#lost ??= why;
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#lost);
    }
    this.#waiting.clear();
  }

  #unstarted(end: SessionEnd): VxfleetError {
    return startFailure({
      host: this.host,
      user: this.#user,
      end: this.#isSilent ? undefined : end,
      said: `${this.#reader.noise}\n${end.stderr}`,
      timeoutMs: HELLO_TIMEOUT_MS,
    });
  }

  #lossOf(end: SessionEnd): VxfleetError {
    const why = end.lost ?? `the program on the host ended with ${end.signal ?? `status ${end.exitCode ?? 'unknown'}`}`;
    const stderr = end.stderr.trim();
    return new VxfleetError(
      'lost',
      `lost ${this.host}: ${why}${stderr === '' ? '' : ` (${stderr.split('\n').at(-1)})`}`,
      {
        host: this.host,
        hint: 'Nothing is needed on the host: it takes an open trial back alone. Run the command again when it answers.',
      },
    );
  }
}

/** The line in front of the program. ASCII alone: what is sent is counted in characters and read in bytes. */
function assignments(nonce: string, { identity, windowSeconds, writes }: HostSessionOptions): string {
  const { run, operator, since, command } = identity;
  const words = {
    nonce,
    id: run,
    window: String(windowSeconds),
    writes: writes ? 'yes' : 'no',
    operator,
    since,
    command,
  };
  const pairs = Object.entries(words).map(
    ([name, value]) => `${name} => '${value.replace(/[^ -~]/g, '?').replace(/[\\']/g, '\\$&')}'`,
  );
  return `%RUN = (${pairs.join(', ')});`;
}
