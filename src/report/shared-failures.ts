import type { RunEvent } from '../events.js';
import { sharedFailure } from './format-failure.js';

/** Remembers which failures that tunnels share have been told. */
export class SharedFailures {
  readonly #told = new Set<string>();

  /** Is this a failure that was told before, for another tunnel? */
  isRepeated(event: RunEvent): boolean {
    const key = event.event === 'tunnel' ? sharedFailure(event) : null;
    if (key === null) return false;
    const isRepeated = this.#told.has(key);
    this.#told.add(key);
    return isRepeated;
  }
}
