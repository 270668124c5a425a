/** What `ssh -G` prints, and which of those that say something about a setting is heard. Pure. */
import { VxfleetError } from '../errors.js';
import type { Origin, SettingName } from './effective-target.js';

export class OpenSshAnswer {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(text: string) {
    const values = new Map<string, string[]>();
    for (const line of text.split('\n')) {
      const [, keyword, value] = /^(\S+) (.*)$/.exec(line) ?? [];
      if (keyword === undefined || value === undefined) continue;
      const key = keyword.toLowerCase();
      values.set(key, [...(values.get(key) ?? []), value]);
    }
    this.#values = values;
  }

  /** The keyword's lines in order; empty when there is none. */
  all(keyword: string): readonly string[] {
    return this.#values.get(keyword) ?? [];
  }

  /** The keyword's lines, if they differ from those of `ssh -G` without any file. */
  changed(keyword: string, baseline: OpenSshAnswer): readonly string[] | undefined {
    const [ours, theirs] = [this.all(keyword), baseline.all(keyword)];
    return ours.length === theirs.length && ours.every((value, index) => value === theirs[index]) ? undefined : ours;
  }
}

/** What ssh_config says of a host, beside what `ssh` says without any file. */
export interface ConfigAnswer {
  readonly answer: OpenSshAnswer;
  readonly baseline: OpenSshAnswer;
}

/**
 * A list of files as -G prints it: divided by blanks, although a path may hold some. What follows a blank and begins a path (`/`, `~`) is
 * the next file; `none` is no file.
 */
export function splitFiles(line: string | undefined): string[] {
  if (line === undefined || line === 'none') return [];
  return line.split(/ (?=[/~])/);
}

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

/** What the tokens stand for, by their letter. */
export type Tokens = Readonly<Record<'d' | 'h' | 'i' | 'k' | 'L' | 'l' | 'n' | 'p' | 'r' | 'u', string>>;

/** Throws `usage` for a token that is not known here (%C, %j, …): a value with a hole in it must not be used. */
export function expandTokens(text: string, tokens: Tokens, keyword: string): string {
  return text.replace(/%(.?)/gs, (token, letter: string) => {
    if (letter === '%') return '%';
    const value = Object.entries(tokens).find(([name]) => name === letter)?.[1];
    if (value !== undefined) return value;
    throw new VxfleetError('usage', `${keyword} of ssh_config has ${token}, which vxfleet does not expand: ${text}`, {
      hint: `vxfleet knows ${Object.keys(tokens)
        .map((name) => `%${name}`)
        .join(' ')} and %%`,
    });
  });
}

/** A path of ssh_config's: `~/`, `${VARIABLES}` and tokens. @throws VxfleetError usage */
export function expandPath(
  path: string,
  tokens: Tokens,
  environment: Readonly<Record<string, string | undefined>>,
  keyword: string,
): string {
  const withHome = path === '~' || path.startsWith('~/') ? `${tokens.d}${path.slice(1)}` : path;
  const withVariables = withHome.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = environment[name];
    if (value !== undefined) return value;
    throw new VxfleetError('usage', `${keyword} of ssh_config uses \${${name}}, which is not set: ${path}`);
  });
  return expandTokens(withVariables, tokens, keyword);
}
