/** How far `ssh` has come, from what it says on stderr: by marks that no host can forge, between words that any host may. Pure. */

/** Of a connection that has not let us in; `spoken`: the host has sent its banner, `keyed`: it has shown a key. */
const STAGES = ['started', 'spoken', 'keyed'] as const;
export type Stage = (typeof STAGES)[number];

/** Of what is said between two marks. */
const KEEP_CHARACTERS = 16_384;

export class OpenSshProgress {
  /** Which host on the way it is at, from 0; after the last one has let us in, their number. */
  level = 0;
  stage: Stage = 'started';
  /** The key that this host has shown. */
  key: Buffer | undefined;
  /** What was said since the last mark, one character a byte. */
  words = '';
  readonly #mark: RegExp;

  /** @param nonce that begins each mark (openssh-argv.ts) */
  constructor(nonce: string) {
    // No ^: a host's Banner may have no newline at its end.
    this.#mark = new RegExp(`${nonce} (\\d+) (\\S+) ?(\\S*) ?(\\S*)\\n`);
  }

  /** @returns whether it has come further */
  push(chunk: Buffer): boolean {
    const before = this.#rank;
    this.words = `${this.words}${chunk.toString('latin1')}`;
    for (let mark = this.#mark.exec(this.words); mark !== null; mark = this.#mark.exec(this.words)) {
      this.#take(Number(mark[1]), mark[2] ?? '', mark[4] ?? '');
      this.words = this.words.slice(mark.index + mark[0].length);
    }
    this.words = this.words.slice(-KEEP_CHARACTERS);
    return this.#rank > before;
  }

  /** Lines that say something. */
  get lines(): readonly string[] {
    const text = Buffer.from(this.words, 'latin1').toString('utf8');
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !NOISE.test(line));
  }

  get #rank(): number {
    return this.level * STAGES.length + STAGES.indexOf(this.stage);
  }

  /** @param what ORDER: it asks which keys are known, to ask the host for these first; HOSTNAME: it asks about the key that it was shown */
  #take(level: number, what: string, key: string): void {
    this.level = what === 'IN' ? level + 1 : level;
    this.stage = what === 'IN' ? 'started' : what === 'ORDER' ? 'spoken' : 'keyed';
    this.key = this.stage === 'keyed' ? Buffer.from(key, 'base64') : undefined;
  }
}

/** What is told in a better place. */
const NOISE = /^(?:Warning: Permanently added |\*\* |no such identity: )/;
