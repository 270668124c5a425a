/** Which of those that say something about a setting is heard. Pure. */
import type { Origin, SettingName } from './effective-target.js';
import type { ConfigAnswer } from './ssh-config.js';

/** What is said about one setting; undefined = nothing. */
type Said<T> = Partial<Record<Exclude<Origin, 'default'>, T | undefined>> & { readonly default: T };

/** In the order in which they are heard. */
const ORDER = ['option', 'inventory', 'ssh_config'] as const;

/** Chooses the settings of one host, and remembers where each came from. */
export class SettingChooser {
  readonly origins: Partial<Record<SettingName, Origin>> = {};
  readonly #config: ConfigAnswer | undefined;

  constructor(config: ConfigAnswer | undefined) {
    this.#config = config;
  }

  choose<T>(name: SettingName, said: Said<T>): T {
    const origin: Origin = ORDER.find((from) => said[from] !== undefined) ?? 'default';
    this.origins[name] = origin;
    return said[origin] as T;
  }

  /** All values of a keyword of ssh_config's, if they are other than without any file. */
  all(keyword: string): readonly string[] | undefined {
    return this.#config?.answer.changed(keyword, this.#config.baseline);
  }

  /** Its first value. */
  first(keyword: string): string | undefined {
    return this.all(keyword)?.[0];
  }

  /** Its value as a number; `none` and 0 (off) say nothing. */
  number(keyword: string): number | undefined {
    const value = Number(this.first(keyword));
    return Number.isInteger(value) && value > 0 ? value : undefined;
  }

  /** What ssh_config makes of something that is never the same without a file, such as the host's own name. */
  unless(keyword: string, fallback: string): string | undefined {
    const value = this.#config?.answer.all(keyword)[0];
    return value?.toLowerCase() === fallback.toLowerCase() ? undefined : value;
  }
}
