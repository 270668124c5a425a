/** The jump hosts of a run: each is logged in to once, before the hosts behind it, and its failure is theirs. */
import { toVxfleetError } from '../errors.js';
import { jumpError } from './connect-error.js';
import { connectionKey, type EffectiveTarget } from './effective-target.js';

/** How long a jump host that could not be reached is not asked again, in ms: every host behind it would wait for it in turn. */
const FORGET_FAILURE_MS = 30_000;

/** @typeParam T what those behind a jump host need of it */
export class JumpHosts<T> {
  readonly #reached = new Map<string, Promise<T>>();
  /** Those that stood once: sessions through them may have a trial to finish, and each try counts. */
  readonly #known = new Set<string>();
  readonly #logIn: (name: string, jump: EffectiveTarget, onLost: () => void) => Promise<T>;

  /** @param logIn with its retries: who comes here has none. Whoever comes after `onLost` has it called again. */
  constructor(logIn: (name: string, jump: EffectiveTarget, onLost: () => void) => Promise<T>) {
    this.#logIn = logIn;
  }

  /**
   * Logs in to a jump host for the first who needs it. Rejects with the code of what failed there; the error is the same for all who come, and names
   * no host of theirs.
   */
  async reach(jump: EffectiveTarget): Promise<T> {
    const key = connectionKey(jump);
    const reached = this.#reached.get(key) ?? this.#try(key, jump);
    this.#reached.set(key, reached);
    return await reached;
  }

  /** Forgets them all. @param end of what was reached */
  async close(end: (reached: T) => void): Promise<void> {
    const all = [...this.#reached.values()];
    this.#reached.clear();
    for (const pending of all) await pending.then(end, () => {});
  }

  async #try(key: string, jump: EffectiveTarget): Promise<T> {
    const forget = (): void => void this.#reached.delete(key);
    try {
      const reached = await this.#logIn(`jump host ${jump.alias}`, jump, forget);
      this.#known.add(key);
      return reached;
    } catch (thrown) {
      if (this.#known.has(key)) forget();
      else setTimeout(forget, FORGET_FAILURE_MS).unref();
      throw jumpError(jump, toVxfleetError(thrown));
    }
  }
}
