/** A host program at the other end of one connection: commands go out pipelined, answers come back matched by number. */
import { randomBytes } from 'node:crypto';
import type { SshTarget } from '../inventory/inventory.js';
import { shellQuote } from '../ssh/shell-quote.js';
import type { Session, SessionEnd, Transport } from '../ssh/transport.js';
import { VxfleetError } from '../errors.js';
import { FrameReader, type Reply } from './frames.js';
import { HOST_PROGRAM } from './host-program.js';
import { openAsRoot } from './open-as-root.js';

/** What the host program can do; what each means stands in the header of host.bash. */
export type Verb =
  | 'inspect'
  | 'state'
  | 'probe'
  | 'history'
  | 'generation'
  | 'prepare'
  | 'trial'
  | 'extend'
  | 'stage'
  | 'promise'
  | 'confirm'
  | 'revert'
  | 'settle'
  | 'note'
  | 'takeover';

/** One command for the host program. */
export interface HostCommand {
  readonly verb: Verb;
  /** Words without blanks. */
  readonly args: readonly string[];
  readonly payload?: string;
  /** Milliseconds until we stop waiting for the answer. */
  readonly timeoutMs: number;
}

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
/** How long the host program may take to say hello after the channel is open, in ms: a slow start-up file. */
const HELLO_TIMEOUT_MS = 20_000;
/** Signs of life a window: one that is late must not end a run. */
const SIGNS_A_WINDOW = 4;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: VxfleetError) => void;
  readonly timer: NodeJS.Timeout;
}

export class HostSession {
  readonly host: string;
  readonly #session: Session;
  readonly #waiting = new Map<number, Waiting>();
  readonly #signs: NodeJS.Timeout;
  #next = 1;
  #lost: VxfleetError | undefined;

  private constructor(host: string, session: Session, nonce: string, windowSeconds: number) {
    this.host = host;
    this.#session = session;
    const reader = new FrameReader(nonce, (sequence, reply) => this.#settle(sequence, reply));
    session.onData((chunk) => reader.push(chunk));
    // What the host's TCP believes of a controller that lost its power is true only hours later.
    this.#signs = setInterval(() => session.write('0 alive 0\n'), (windowSeconds * 1000) / SIGNS_A_WINDOW).unref();
    void session.ended.then((end) => this.#end(end));
  }

  /** Connects and starts the program, as root. Rejects with connect, host-key, auth (sudo's refusal too), lost, timeout or protocol. */
  static async open(
    transport: Transport,
    host: string,
    target: SshTarget,
    options: HostSessionOptions,
  ): Promise<HostSession> {
    const nonce = randomBytes(16).toString('hex');
    const program = `${assignments(nonce, options)}\n${HOST_PROGRAM}`;
    // read -N takes exactly the program and leaves what follows on stdin to it; ASCII in the C locale, so a character is a byte.
    const starter = `LC_ALL=C; export LC_ALL; IFS= read -rN ${program.length} PROGRAM && eval "$PROGRAM"`;
    const opened =
      target.become === true
        ? await openAsRoot(transport, host, target, starter, options.becomePasswordOf?.(target))
        : await transport.open(host, target, `exec bash -c '${starter}'`);
    const session = new HostSession(host, opened, nonce, options.windowSeconds);
    session.#session.write(program);
    return session;
  }

  /** Sends a command. Rejects with lost or timeout; a command that failed on the host is a reply with ok: false. */
  call(command: HostCommand): Promise<Reply> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const sequence = this.#next++;
    const payload = Buffer.from(command.payload ?? '', 'utf8');
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
      const words = [sequence, command.verb, payload.length, ...command.args].join(' ');
      this.#session.write(Buffer.concat([Buffer.from(`${words}\n`), payload]));
    });
  }

  /** Ends the program's stdin and waits until it is gone; it takes back every trial that is still open. */
  async close(): Promise<void> {
    clearInterval(this.#signs);
    await this.#session.close(CLOSE_GRACE_MS);
  }

  #settle(sequence: number, reply: Reply): void {
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined) return;
    this.#waiting.delete(sequence);
    clearTimeout(waiting.timer);
    waiting.resolve(reply);
  }

  #end(end: SessionEnd): void {
    clearInterval(this.#signs);
    const why = end.lost ?? `the program on the host ended with ${end.signal ?? `status ${end.exitCode ?? 'unknown'}`}`;
    const stderr = end.stderr.trim();
    this.#lost = new VxfleetError(
      'lost',
      `lost ${this.host}: ${why}${stderr === '' ? '' : ` (${stderr.split('\n').at(-1)})`}`,
      {
        host: this.host,
        hint: 'Nothing is needed on the host: it takes an open trial back alone. Run the command again when it answers.',
      },
    );
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#lost);
    }
    this.#waiting.clear();
  }
}

/** The lines in front of the program. ASCII alone: what is sent is counted in characters and read in bytes. */
function assignments(nonce: string, { identity, windowSeconds, writes }: HostSessionOptions): string {
  const { run, operator, since, command } = identity;
  const words = { NONCE: nonce, RUN: run, WINDOW: String(windowSeconds), WRITES: writes ? 'yes' : 'no' };
  return Object.entries({ ...words, OPERATOR: operator, SINCE: since, COMMAND: command })
    .map(([name, value]) => `${name}=${shellQuote([value.replace(/[^ -~]/g, '?')])}`)
    .join('\n');
}
