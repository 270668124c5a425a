/** The lines of known_hosts by name: a fleet has as many lines as hosts, and a scan of all for each host would be quadratic. Pure. */
import { knownHostsName, matchesName, type KnownHostsEntry } from './known-hosts.js';

/** What a name cannot be looked up in: hashes, wildcards and negations have to be tried. */
const IS_PATTERN = /[|*?!]/;

export class KnownHostsIndex {
  readonly #entries: readonly KnownHostsEntry[];
  /** Places in `#entries`, by name in lower case. */
  readonly #plain = new Map<string, number[]>();
  readonly #patterns: number[] = [];
  readonly #asked = new Map<string, readonly KnownHostsEntry[]>();

  constructor(entries: readonly KnownHostsEntry[]) {
    this.#entries = entries;
    entries.forEach(({ names }, place) => {
      if (IS_PATTERN.test(names)) this.#patterns.push(place);
      else for (const name of names.toLowerCase().split(',')) this.#add(name, place);
    });
  }

  /** The lines that name this host, with its port or without one, in the order of the files. */
  of(host: string, port: number): readonly KnownHostsEntry[] {
    const name = knownHostsName(host, port);
    const found = this.#asked.get(name) ?? this.#find([name, knownHostsName(host, 22)]);
    this.#asked.set(name, found);
    return found;
  }

  #find(names: readonly string[]): readonly KnownHostsEntry[] {
    const places = new Set(names.flatMap((name) => this.#plain.get(name) ?? []));
    for (const place of this.#patterns) {
      const line = this.#entries[place]?.names ?? '';
      if (names.some((name) => matchesName(line, name))) places.add(place);
    }
    return [...places].sort((a, b) => a - b).flatMap((place) => this.#entries[place] ?? []);
  }

  #add(name: string, place: number): void {
    const places = this.#plain.get(name);
    if (places === undefined) this.#plain.set(name, [place]);
    else places.push(place);
  }
}
