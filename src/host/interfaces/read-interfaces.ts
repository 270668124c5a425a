/** What ifupdown makes of /etc/network/interfaces and of all that it reads from there (interfaces(5), config.c of ifupdown 0.8). Pure. */
import { VxfleetError } from '../../errors.js';
import { logicalLines, type LogicalLine } from './logical-lines.js';
import { normalize, readPatterns } from './match-pattern.js';

export const INTERFACES = '/etc/network/interfaces';

/** Where something stands in the order of reading: line, word and file of each `source` on the way, then the line. */
export type Position = readonly (number | string)[];

/** An interface named by `auto` or by an `allow-` word. */
export interface Start {
  readonly interface: string;
  /** `auto`, `hotplug` (of `allow-hotplug`) and so on. */
  readonly kind: string;
  readonly file: string;
  readonly line: number;
  readonly position: Position;
}

export interface Stanza {
  readonly interface: string;
  /** `inet`, `inet6` and so on, and its method; empty when it says only what it inherits. */
  readonly family: string;
  readonly method: string;
  readonly file: string;
  readonly line: number;
  readonly position: Position;
  /** In their order. */
  readonly options: readonly (readonly [name: string, value: string])[];
}

/** Each is held against each file. */
const MOST_SOURCES = 1000;

const tooMany = (): VxfleetError =>
  new VxfleetError('protocol', `${INTERFACES} and what it reads have more than ${MOST_SOURCES} words of \`source\``);

/** A word of a `source` line: the files that it would read, there or not. */
interface Source {
  readonly position: Position;
  readonly reads: (path: string) => boolean;
}

export interface InterfacesConfig {
  readonly starts: readonly Start[];
  readonly stanzas: readonly Stanza[];
  readonly sources: readonly Source[];
}

export interface ReadOptions {
  /** ifupdown2 does not know the word. */
  readonly knowsSourceDirectory: boolean;
}

/** @param files what there is, by absolute path */
export function readInterfaces(
  files: ReadonlyMap<string, string>,
  { knowsSourceDirectory }: ReadOptions,
): InterfacesConfig {
  const starts: Start[] = [];
  const stanzas: Stanza[] = [];
  const sources: Source[] = [];
  const paths = [...files.keys()].toSorted(byBytes);
  const seen = new Set<string>();

  const read = (path: string, at: Position): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const file = normalize(path);
    let options: [string, string][] | undefined;
    for (const { word, rest, number: line } of logicalLines(files.get(file) ?? '')) {
      const place = { file, line, position: [...at, line] };
      const kind = word === 'auto' ? word : /^allow-(.+)$/.exec(word)?.[1];
      if (kind !== undefined) {
        options = undefined;
        starts.push(...wordsOf(rest).map((name) => ({ interface: name, kind, ...place })));
      } else if (word === 'iface' || word === 'template') {
        options = [];
        const [name = '', family = '', method = ''] = wordsOf(rest);
        // What is wrong in a file ends the reading of it.
        if (method === '') return;
        const inherits = family === 'inherits';
        if (word === 'iface')
          stanzas.push({
            interface: name,
            family: inherits ? '' : family,
            method: inherits ? '' : method,
            ...place,
            options,
          });
      } else if (word === 'source' || isDirectoryWord(word)) {
        options = undefined;
        for (const source of sourcesOf({ word, rest, number: line }, file, place.position)) {
          if (sources.length > MOST_SOURCES) throw tooMany();
          sources.push(source);
          for (const one of paths.filter(source.reads)) read(source.named(one), [...source.position, one]);
        }
      } else if (word === 'mapping') {
        options = [];
      } else if (!['rename', 'no-auto-down', 'no-scripts'].includes(word)) {
        if (options === undefined) return;
        options.push([word, rest]);
      }
    }
  };

  const isDirectoryWord = (word: string): boolean => knowsSourceDirectory && word.startsWith('source-dir');
  read(INTERFACES, []);
  return { starts, stanzas, sources };
}

/** @returns also by what name it would read a file: ifupdown reads none twice under one name */
function sourcesOf(
  { word, rest }: LogicalLine,
  file: string,
  position: Position,
): (Source & { readonly named: (path: string) => string })[] {
  const directory = file.slice(0, file.lastIndexOf('/'));
  return readPatterns(rest, directory).map(({ text, matches }, index) => {
    const isDirectory = word !== 'source';
    const before = isDirectory ? text : text.slice(0, text.lastIndexOf('/'));
    const isPlain = !/[*?[]/.test(before);
    return {
      position: [...position, index],
      reads: (path) => {
        if (!isDirectory) return matches(path);
        const slash = path.lastIndexOf('/');
        return matches(path.slice(0, slash)) && /^[A-Za-z0-9_-]+$/.test(path.slice(slash + 1));
      },
      named: (path) => (isPlain ? `${before}${path.slice(path.lastIndexOf('/'))}` : path),
    };
  });
}

/** Where a file is read, or would be if it were there. */
export function positionOf({ sources }: InterfacesConfig, path: string): Position | undefined {
  const source = sources.find(({ reads }) => reads(path));
  return source === undefined ? undefined : [...source.position, path];
}

export function isBefore(left: Position, right: Position): boolean {
  for (const [index, one] of left.entries()) {
    const other = right[index];
    if (other === undefined) return false;
    if (one === other) continue;
    return typeof one === 'number' && typeof other === 'number' ? one < other : byBytes(String(one), String(other)) < 0;
  }
  return left.length < right.length;
}

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
/** ifupdown sets no locale. */
const byBytes = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right));
