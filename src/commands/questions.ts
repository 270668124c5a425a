/** What only a person knows, asked for on the terminal without showing the answer. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import pLimit from 'p-limit';
import { VxfleetError } from '../errors.js';
import { printable } from '../printable.js';

export class Questions {
  /** Two questions at once would share a line. */
  readonly #limit = pLimit(1);
  #isOver = false;

  /** Of a key file; undefined when there is no terminal to ask on, no answer, or no time for questions any more. */
  async passphrase(keyPath: string): Promise<string | undefined> {
    return await this.#limit(() => this.#ask(`Passphrase for ${keyPath}: `));
  }

  /** For `--ask-pass`. Rejects with `usage` without an answer. */
  async password(): Promise<string> {
    return await this.#demand('SSH password: ', '--ask-pass', 'log in with a key');
  }

  /** For `--ask-become-pass`. Rejects with `usage` without an answer. */
  async becomePassword(): Promise<string> {
    return await this.#demand('sudo password: ', '--ask-become-pass', 'give the login a NOPASSWD rule (docs/ssh.md)');
  }

  /** undefined when there is nobody to ask. Anything but a yes is a no. */
  async confirm(question: string): Promise<boolean | undefined> {
    if (!this.#isPossible) return undefined;
    const answer = await this.#limit(() => this.#ask(`${question} [y/N] `, 'shown'));
    return /^y(?:es)?$/i.test(answer?.trim() ?? '');
  }

  /** From now on nobody is asked. */
  end(): void {
    this.#isOver = true;
  }

  async #demand(question: string, option: string, otherwise: string): Promise<string> {
    const password = await this.#limit(() => this.#ask(question));
    if (password !== undefined && password !== '') return password;
    throw new VxfleetError('usage', `${option} got no password`, {
      hint: `it is asked for on the terminal; without one, ${otherwise}`,
    });
  }

  get #isPossible(): boolean {
    return !this.#isOver && process.stdin.isTTY && process.stderr.isTTY;
  }

  async #ask(question: string, answer: 'hidden' | 'shown' = 'hidden'): Promise<string | undefined> {
    if (!this.#isPossible) return undefined;
    const isShown = answer === 'shown';
    const output = isShown ? process.stderr : nowhere();
    const terminal = createInterface({ input: process.stdin, output, terminal: true });
    // Only now: before readline has taken the terminal over, it would show what is typed.
    if (!isShown) process.stderr.write(printable(question));
    try {
      return await new Promise((resolve) => {
        // readline takes Ctrl-C from the terminal: hand it on to the run, which is waiting for it.
        terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
        terminal.once('SIGINT', () => resolve(undefined));
        terminal.once('close', () => resolve(undefined));
        terminal.question(isShown ? printable(question) : '', resolve);
      });
    } finally {
      terminal.close();
      if (!isShown) process.stderr.write('\n');
    }
  }
}

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
