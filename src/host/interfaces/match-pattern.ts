/** The words after `source`, as wordexp(3) and glob(3) take them apart; what a variable or `~` would make of them is left out. Pure. */

/** A pattern whose directories are plain has `.`, `..` and `//` resolved; the kernel would find the same files. */
export interface PathPattern {
  /** Absolute, as it stands in the file. */
  readonly text: string;
  readonly matches: (path: string) => boolean;
}

/** PATH_MAX of Linux, in characters. */
const LONGEST = 4096;

/** Characters at which wordexp gives up the whole line. */
const BAD_CHARACTER = /[|&;<>(){}`$]/;

/**
 * Only the first word is taken from the file's own directory, as ifupdown does it.
 * @param directory of the file in which the line stands
 */
export function readPatterns(line: string, directory: string): PathPattern[] {
  if (BAD_CHARACTER.test(line) || hasOpenQuote(line)) return [];
  const rooted = line.startsWith('/') ? line : `${directory}/${line}`;
  return (rooted.match(WORD) ?? [])
    .filter((word) => word.length <= LONGEST)
    .map((word) => ({ text: word, matches: matcherOf(normalize(literal(word))) }));
}

const WORD = /(?:"[^"]*"|'[^']*'|[^\s"'])+/g;
const hasOpenQuote = (line: string): boolean => /["']/.test(line.replaceAll(/"[^"]*"|'[^']*'/g, ''));

/** What is quoted has no patterns in it: they are escaped. */
const literal = (word: string): string =>
  word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_all, one: string | undefined, two: string | undefined) =>
    (one ?? two ?? '').replaceAll(/[*?[\]\\]/g, String.raw`\$&`),
  );

/** `/a/./b//c` and `/a/x/../b/c` are `/a/b/c`. */
export function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** glob(7): no wildcard crosses a slash, and a dot in front is matched by a dot only. */
function matcherOf(pattern: string): (path: string) => boolean {
  const parts = pattern.split('/').map((part) => part.match(/\\.|\[[!^]?\]?[^\]]*\]|./gs) ?? []);
  return (path) => {
    const names = path.split('/');
    return names.length === parts.length && parts.every((tokens, index) => matchesName(tokens, names[index] ?? ''));
  };
}

/** No more steps than the product of both lengths: of several stars only the last has to be tried again. */
function matchesName(tokens: readonly string[], name: string): boolean {
  if (name.startsWith('.') && /^[*?[]/.test(tokens[0] ?? '')) return false;
  let star = -1;
  let from = 0;
  let token = 0;
  let at = 0;
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted === '*') {
      star = token++;
      from = at;
    } else if (wanted !== undefined && matchesCharacter(wanted, name[at] ?? '')) {
      token++;
      at++;
    } else if (star >= 0) {
      token = star + 1;
      at = ++from;
    } else return false;
  }
  while (tokens[token] === '*') token++;
  return token === tokens.length;
}

function matchesCharacter(token: string, character: string): boolean {
  if (token === '?') return true;
  if (token.length > 1 && token.startsWith('[')) return isMember(token.slice(1, -1), character);
  return character === (token.length > 1 ? token.slice(1) : token);
}

/** @param set what stands between the brackets */
function isMember(set: string, character: string): boolean {
  const isNegated = /^[!^]/.test(set);
  const members = isNegated ? set.slice(1) : set;
  for (let at = 0; at < members.length; at++) {
    const first = members[at] ?? '';
    const last = members[at + 1] === '-' && at + 2 < members.length ? (members[at + 2] ?? '') : first;
    if (first <= character && character <= last) return !isNegated;
    if (last !== first) at += 2;
  }
  return isNegated;
}
