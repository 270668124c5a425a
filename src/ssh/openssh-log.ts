/** What `ssh` writes to its log at DEBUG2, read while it grows: how far the connection has come, and what it says of the other side. Pure. */
import type { ShownKey } from './known-hosts.js';

/** How far a connection has come; each stage implies those before it. */
export const STAGES = [
  'started',
  'dialling',
  'connected',
  'spoken',
  'keyed',
  'logged in',
  'in session',
  'running',
] as const;
export type Stage = (typeof STAGES)[number];

/** The line that ends a stage. OpenSSH has written these since 7.6 or longer; whatever else it says is not understood here, and need not be. */
const MILESTONES: readonly (readonly [RegExp, Stage])[] = [
  [/^debug1: (Connecting to|Executing proxy command)/, 'dialling'],
  [/^debug1: Connection established/, 'connected'],
  [/^debug1: Remote protocol version/, 'spoken'],
  [/^debug1: SSH2_MSG_NEWKEYS received/, 'keyed'],
  [/^(debug1: Authentication succeeded|Authenticated to )/, 'logged in'],
  [/^debug1: Entering interactive session/, 'in session'],
  [/^debug2: exec request accepted on channel/, 'running'],
];

export class OpenSshLog {
  stage: Stage = 'started';
  /** The key that the host has shown. */
  hostKey: ShownKey | undefined;
  /** Key exchange, host key and cipher as agreed, for a trace. */
  readonly algorithms: string[] = [];
  /** Keys that were offered, with their paths or comments. */
  readonly offered: string[] = [];
  /** What the host said it takes, after the last refusal. */
  accepted: readonly string[] | undefined;
  /** The program has ended by itself: with a status (the exit code of ssh), or by a signal, whose name ssh does not tell. */
  programEnd: 'status' | 'signal' | undefined;
  /** What is no debug output: warnings and reasons. */
  readonly messages: string[] = [];
  /** A master's: why it could not open the way to `host:port`, the last time. */
  readonly refusedWays = new Map<string, string>();
  /** A master's channels, by number, and where they lead. */
  readonly #ways = new Map<string, string>();
  #nextWay = '';
  #partial = '';

  /** Takes what was appended, in pieces of any length. */
  push(text: string): void {
    const lines = `${this.#partial}${text}`.split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#read(line.trimEnd());
  }

  /** Takes a last line without an end. */
  finish(): void {
    this.push('\n');
  }

  hasReached(stage: Stage): boolean {
    return STAGES.indexOf(this.stage) >= STAGES.indexOf(stage);
  }

  /** The first message that matches. */
  find(pattern: RegExp): RegExpExecArray | undefined {
    for (const message of this.messages) {
      const match = pattern.exec(message);
      if (match !== null) return match;
    }
    return undefined;
  }

  #read(line: string): void {
    const stage = MILESTONES.find(([pattern]) => pattern.test(line))?.[1];
    if (stage !== undefined && !this.hasReached(stage)) this.stage = stage;
    if (/^debug\d: /.test(line)) return this.#readDebug(line);
    const [, channel = '', refusal] = /^channel (\d+): open failed: (.*)$/.exec(line) ?? [];
    const way = this.#ways.get(channel);
    if (way !== undefined && refusal !== undefined) this.refusedWays.set(way, refusal.replace(/:$/, ''));
    else if (line !== '' && !NOISE.test(line)) this.messages.push(line);
  }

  #readDebug(line: string): void {
    const [, type, fingerprint] = /^debug1: Server host key: (\S+) (\S+)/.exec(line) ?? [];
    if (type !== undefined && fingerprint !== undefined) this.hostKey = { type, fingerprint };
    const algorithm = /^debug1: kex: (?:algorithm|host key algorithm|client->server cipher): (\S+)/.exec(line)?.[1];
    if (algorithm !== undefined) this.algorithms.push(algorithm);
    // `PATH TYPE FINGERPRINT explicit`; a file without its public half is loaded only when it is its turn.
    const key = /^debug1: (?:Offering public key|Trying private key): (.*)$/.exec(line)?.[1];
    if (key !== undefined) this.offered.push(key.replace(/(?: (?:explicit|agent|token))+$/, ''));
    const methods = /^debug1: Authentications that can continue: (.*)$/.exec(line)?.[1];
    if (methods !== undefined) this.accepted = methods.split(',');
    // One line says where to, the next but few which channel that is.
    this.#nextWay = /^debug\d: .*stdio fwd to (\S+)$/.exec(line)?.[1] ?? this.#nextWay;
    const channel = /^debug\d: .*channel_new: (\d+) control/.exec(line)?.[1];
    if (channel !== undefined) this.#ways.set(channel, this.#nextWay);
    const end = /^debug1: client_input_channel_req: channel \d+ rtype exit-(status|signal)/.exec(line)?.[1];
    if (end === 'status' || end === 'signal') this.programEnd = end;
  }
}

/** Farewells, and what is told in a better place. */
const NOISE =
  /^(Authenticated to |Transferred: |Bytes per second: |OpenSSH_|\*\* |no such identity: |Warning: Permanently added )/;
