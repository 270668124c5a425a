/** The answers of the host program as values (format: the header of host.pl). */

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

interface Pending {
  readonly values: Map<string, string[]>;
}

/** Bytes; the host program's lines stay under it, by a thousand. */
const LONGEST_LINE = 4096;
/** Characters of noise that are kept: some lines of what ran in the program's place. */
const NOISE_KEEP = 1024;

/**
 * Collects lines into replies. Lines that do not begin with the nonce are noise (a banner, a shell start-up file); they are dropped, but for the end of
 * those before the first that does: what they say matters when none follows.
 */
export class FrameReader {
  readonly #prefix: string;
  readonly #onReply: (sequence: number, reply: Reply) => void;
  readonly #pending = new Map<number, Pending>();
  #rest: Buffer[] = [];
  #restBytes = 0;
  #noise = '';
  #hasHeard = false;

  constructor(nonce: string, onReply: (sequence: number, reply: Reply) => void) {
    this.#prefix = `${nonce} `;
    this.#onReply = onReply;
  }

  /** Has a line of the host program come? */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** The end of what came before the host program's first line, or instead of it. */
  get noise(): string {
    return toText(`${this.#noise}${Buffer.concat(this.#rest).toString('latin1')}`.slice(-NOISE_KEEP));
  }

  push(chunk: Buffer): void {
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
  }

  /** What begins a line. Ours are short: of noise without a line break only the end may be the beginning of one of ours. */
  #keep(part: Buffer): void {
    this.#rest.push(part);
    this.#restBytes += part.length;
    if (this.#restBytes <= LONGEST_LINE) return;
    this.#rest = [Buffer.concat(this.#rest).subarray(-LONGEST_LINE)];
    this.#restBytes = LONGEST_LINE;
  }

  #line(line: string): void {
    // Noise without a final newline may stand before our first line.
    const at = line.indexOf(this.#prefix);
    if (at < 0) {
      if (!this.#hasHeard) this.#noise = `${this.#noise}${line}\n`.slice(-NOISE_KEEP);
      return;
    }
    this.#hasHeard = true;
    this.#noise = '';
    const [sequenceText, key, value] = splitWords(line.slice(at + this.#prefix.length));
    const sequence = Number(sequenceText);
    const pending = this.#pending.get(sequence) ?? { values: new Map<string, string[]>() };
    if (key !== '!') {
      this.#pending.set(sequence, pending);
      const parts = pending.values.get(key);
      if (parts === undefined) pending.values.set(key, [value]);
      else parts.push(value);
      return;
    }
    this.#pending.delete(sequence);
    const [reason = '', ...words] = toText(value).split(' ');
    const values = new Map([...pending.values].map(([name, parts]) => [toText(name), unescape(parts.join(''))]));
    this.#onReply(sequence, {
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
