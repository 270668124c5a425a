/** The last bytes of a stream of text, however long the stream. */
export class TextTail {
  readonly #maxBytes: number;
  #tail = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Copies what is kept, so that the chunk's memory is free. */
  push(chunk: Buffer): void {
    const keep = Math.min(this.#tail.length, Math.max(0, this.#maxBytes - chunk.length));
    this.#tail = Buffer.concat([this.#tail.subarray(this.#tail.length - keep), chunk.subarray(-this.#maxBytes)]);
  }

  /** UTF-8; a character that was cut in half at the front is left out. */
  toString(): string {
    let start = 0;
    while (this.#tail.length === this.#maxBytes && start < 3 && ((this.#tail[start] ?? 0) & 0xc0) === 0x80) start += 1;
    return this.#tail.toString('utf8', start);
  }
}
