/** What is heard of a session until its program runs as root: signs that begin with a mark of ours, between whatever else is printed. */
import type { Session, SessionEnd } from '../ssh/transport.js';

/** Characters of what was said that are kept: more than sudo's lecture. */
const KEEP = 4096;

export type SudoSign =
  /** The program runs and waits for its stdin. */
  | { readonly kind: 'root' }
  /** sudo waits for the password of `whose`: the login's, or root's (rootpw in sudoers). */
  | { readonly kind: 'asks'; readonly whose: string }
  | { readonly kind: 'ended'; readonly end: SessionEnd }
  | { readonly kind: 'silent' };

export class SudoSigns {
  readonly #session: Session;
  readonly #pattern: RegExp;
  /** One character a byte. */
  #text = '';
  #end: SessionEnd | undefined;
  #hasLoginBash = false;
  #listener: (chunk: Buffer) => void;
  #wake: () => void = () => undefined;

  /** @param mark which begins `MARK login` and `MARK root`, each on a line of its own, and the prompt `MARK asks NAME:` */
  constructor(session: Session, mark: string) {
    this.#session = session;
    this.#pattern = new RegExp(`${mark} (?:login\\n|root\\n|asks ([^\\n:]*):)`);
    this.#listener = (chunk) => {
      this.#text = (this.#text + chunk.toString('latin1')).slice(-KEEP);
      this.#wake();
    };
    session.onData((chunk) => this.#listener(chunk));
    void session.ended.then((end) => {
      this.#end = end;
      this.#wake();
    });
  }

  /** Has the login shell started the bash that starts sudo? As far as the signs have been taken. */
  get hasLoginBash(): boolean {
    return this.#hasLoginBash;
  }

  /** What was said beside the signs, at last; of a login shell that did not get as far as ours, on stderr. */
  get said(): string {
    return `${Buffer.from(this.#text, 'latin1').toString('utf8')}\n${this.#end?.stderr ?? ''}`;
  }

  /** The next sign; not to be called twice at once. */
  async next(timeoutMs: number): Promise<SudoSign> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#wake();
    }, timeoutMs);
    try {
      for (;;) {
        const sign = this.#take();
        if (sign !== undefined) return sign;
        if (isOver) return { kind: 'silent' };
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The session for whoever the program talks to; what comes before it is listened to is lost. */
  handOver(): Session {
    const session = this.#session;
    this.#listener = () => undefined;
    return {
      host: session.host,
      ended: session.ended,
      write: (data) => session.write(data),
      onData: (listener) => {
        this.#listener = listener;
      },
      close: async (graceMs) => session.close(graceMs),
      destroy: () => session.destroy(),
    };
  }

  #take(): SudoSign | undefined {
    for (let found = this.#pattern.exec(this.#text); found !== null; found = this.#pattern.exec(this.#text)) {
      this.#text = this.#text.replace(found[0], '\n');
      if (found[0].endsWith('login\n')) {
        this.#hasLoginBash = true;
        continue;
      }
      return found[1] === undefined ? { kind: 'root' } : { kind: 'asks', whose: found[1] };
    }
    return this.#end === undefined ? undefined : { kind: 'ended', end: this.#end };
  }
}
