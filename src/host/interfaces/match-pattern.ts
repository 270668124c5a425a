/** The words after `source`, as wordexp(3) and glob(3) take them apart; what a variable or `~` would make of them is left out. Pure. */

/** A pattern whose directories are plain has `.`, `..` and `//` resolved; the kernel would find the same files. */
export interface PathPattern {
  /** Absolute, as it stands in the file. */
  readonly text: string;
  readonly expression: RegExp;
}

/** Characters at which wordexp gives up the whole line. */
const BAD_CHARACTER = /[|&;<>(){}`$]/;

/**
 * Only the first word is taken from the file's own directory, as ifupdown does it.
 * @param directory of the file in which the line stands
 */
export function readPatterns(line: string, directory: string): PathPattern[] {
  if (BAD_CHARACTER.test(line) || hasOpenQuote(line)) return [];
  const rooted = line.startsWith('/') ? line : `${directory}/${line}`;
  return (rooted.match(WORD) ?? []).map((word) => ({ text: word, expression: expressionOf(normalize(literal(word))) }));
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
function expressionOf(pattern: string): RegExp {
  const source = pattern.split('/').map((part) => {
    const tokens = part.match(/\\.|\[[!^]?\]?[^\]]*\]|./gs) ?? [];
    return `${/^[*?[]/.test(part) ? String.raw`(?!\.)` : ''}${tokens.map(tokenSource).join('')}`;
  });
  return new RegExp(`^${source.join('/')}$`);
}

function tokenSource(token: string): string {
  if (token === '*') return '[^/]*';
  if (token === '?') return '[^/]';
  if (token.length > 1 && token.startsWith('[')) {
    const members = token.slice(1, -1);
    const negated = /^[!^]/.test(members);
    return `[${negated ? '^/' : ''}${members.slice(negated ? 1 : 0).replaceAll(/[\\\][^]/g, String.raw`\$&`)}]`;
  }
  const character = token.length > 1 ? token.slice(1) : token;
  return character.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
