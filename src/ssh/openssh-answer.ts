/** What `ssh -G` prints: one `keyword value` a line. Pure. */

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

/**
 * A list of files as -G prints it: divided by blanks, although a path may hold some. What follows a blank and begins a path (`/`, `~`) is
 * the next file; `none` is no file.
 */
export function splitFiles(line: string | undefined): string[] {
  if (line === undefined || line === 'none') return [];
  return line.split(/ (?=[/~])/);
}
