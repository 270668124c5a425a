/** The answers of the host program as values (format: the header of host.pl). What comes is a host's, and may be anything, of any length. */

import { textOf } from '../text-bytes.js';

/** The whole answer to one command. */
export interface Reply {
  readonly ok: boolean;
  /** Why it failed, one word of the host program's; empty when ok. */
  readonly reason: string;
  /** The sentence that goes with it. */
  readonly text: string;
  readonly values: ReadonlyMap<string, string>;
}

export interface FrameListener {
  /** Is an answer of this number waited for? All others are dropped as they come. */
  readonly isAsked: (sequence: number) => boolean;
  readonly onReply: (sequence: number, reply: Reply) => void;
  /** Bytes of all answers that are not whole yet. */
  readonly mostBytes: number;
}

/** What has come of an answer. */
interface Pending {
  /** The pieces of each value, one character per byte. */
  readonly values: Map<string, string[]>;
  bytes: number;
}

/** Bytes; the host program's lines stay under it, by a thousand. */
const LONGEST_LINE = 4096;
/** Characters of noise that are kept: some lines of what ran in the program's place. */
const NOISE_KEEP = 1024;
/** Bytes of noise in all: more than any banner or start-up file has to say. */
const MOST_NOISE = 4 * 1024 * 1024;
/** What a line costs us beside its bytes, about: a small value must not be a cheap way to fill the memory. */
const LINE_COST = 100;

/**
 * Collects lines into replies. Lines that do not begin with the nonce are noise (a banner, a shell start-up file); they are dropped, but for the end of
 * those before the first that does: what they say matters when none follows.
 */
export class FrameReader {
  readonly #prefix: string;
  readonly #listener: FrameListener;
  readonly #pending = new Map<number, Pending>();
  /** Of all that is pending. */
  #pendingBytes = 0;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #noise = '';
  #noiseBytes = 0;
  #hasHeard = false;

  constructor(nonce: string, listener: FrameListener) {
    this.#prefix = `${nonce} `;
    this.#listener = listener;
  }

  /** Has a line of the host program come? */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** The end of what came before the host program's first line, or instead of it. */
  get noise(): string {
    return toText(`${this.#noise}${Buffer.concat(this.#rest).toString('latin1')}`.slice(-NOISE_KEEP));
  }

  /** @returns why nothing more is read of this host, or undefined */
  push(chunk: Buffer): string | undefined {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...this.#rest, chunk.subarray(start, end)]);
      this.#rest = [];
      this.#restBytes = 0;
      start = end + 1;
      // Values may be cut within a character: bytes stay bytes until the value is whole.
      this.#line(line.toString('latin1'));
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    if (this.#pendingBytes > this.#listener.mostBytes)
      return `an answer of more than ${this.#listener.mostBytes} bytes`;
    return this.#noiseBytes > MOST_NOISE ? `${MOST_NOISE} bytes that are no answers` : undefined;
  }

  /** What begins a line. Ours are short: of noise without a line break only the end may be the beginning of one of ours. */
  #keep(part: Buffer): void {
    this.#rest.push(part);
    this.#restBytes += part.length;
    if (this.#restBytes <= LONGEST_LINE) return;
    this.#noiseBytes += this.#restBytes - LONGEST_LINE;
    this.#rest = [Buffer.concat(this.#rest).subarray(-LONGEST_LINE)];
    this.#restBytes = LONGEST_LINE;
  }

  #line(line: string): void {
    // Noise without a final newline may stand before our first line.
    const at = line.indexOf(this.#prefix);
    if (at < 0) {
      this.#noiseBytes += line.length + 1;
      if (!this.#hasHeard) this.#noise = `${this.#noise}${line.slice(-NOISE_KEEP)}\n`.slice(-NOISE_KEEP);
      return;
    }
    this.#hasHeard = true;
    this.#noise = '';
    const [sequenceText, key, value] = splitWords(line.slice(at + this.#prefix.length));
    const sequence = Number(sequenceText);
    const pending = this.#pending.get(sequence) ?? { values: new Map<string, string[]>(), bytes: 0 };
    const isAsked = this.#listener.isAsked(sequence);
    if (isAsked && key !== '!') {
      this.#pending.set(sequence, pending);
      pending.bytes += line.length + LINE_COST;
      this.#pendingBytes += line.length + LINE_COST;
      const parts = pending.values.get(key);
      if (parts === undefined) pending.values.set(key, [value]);
      else parts.push(value);
      return;
    }
    this.#pending.delete(sequence);
    this.#pendingBytes -= pending.bytes;
    if (!isAsked) {
      this.#noiseBytes += line.length + 1;
      return;
    }
    const [reason = '', ...words] = toText(value).split(' ');
    const values = new Map([...pending.values].map(([name, parts]) => [toText(name), unescape(parts.join(''))]));
    this.#listener.onReply(sequence, {
      ok: reason === 'ok',
      reason: reason === 'ok' ? '' : reason,
      text: words.join(' '),
      values,
    });
  }
}

/** `SEQ KEY VALUE`, the value being the rest of the line. */
function splitWords(line: string): [string, string, string] {
  const first = line.indexOf(' ');
  const second = line.indexOf(' ', first + 1);
  if (second < 0) return [line.slice(0, first), line.slice(first + 1), ''];
  return [line.slice(0, first), line.slice(first + 1, second), line.slice(second + 1)];
}

/** A file's text need not be UTF-8. */
const toText = (latin1: string): string => textOf(Buffer.from(latin1, 'latin1'));

const unescape = (value: string): string =>
  toText(
    value.includes('\\') ? value.replace(/\\([\\n])/g, (_, letter: string) => (letter === 'n' ? '\n' : '\\')) : value,
  );
