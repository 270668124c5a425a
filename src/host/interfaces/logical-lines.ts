/** A line of an interfaces file as ifupdown takes it. */
export interface LogicalLine {
  /** Where it ends, from 1. */
  readonly number: number;
  readonly word: string;
  /** What follows the first word. */
  readonly rest: string;
}

/**
 * Lines as ifupdown's get_line makes them: blanks around them do not count (a CR is one), a `#` in front makes a comment, a backslash at the very
 * end goes on with the next line as it stands, comments too. The last line needs no newline. Pure.
 */
export function logicalLines(text: string): LogicalLine[] {
  const raw = text.split('\n');
  const lines: LogicalLine[] = [];
  for (let index = 0; index < raw.length; index++) {
    const parts = [raw[index] ?? ''];
    if (/^[ \t\v\f\r]*#/.test(parts[0] ?? '')) continue;
    while (parts.at(-1)?.endsWith('\\') === true && index + 1 < raw.length) {
      index++;
      parts.push(parts.pop()?.slice(0, -1) ?? '', raw[index] ?? '');
    }
    const line = trimBlanks(parts.join(''));
    const end = line.search(BLANK);
    const word = end < 0 ? line : line.slice(0, end);
    if (word !== '') lines.push({ number: index + 1, word, rest: trimBlanks(line.slice(word.length)) });
  }
  return lines;
}

const BLANK = /[ \t\v\f\r]/;

/** In one pass: a pattern that ends in `$` tries every blank of a line that is nothing else. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.test(text[start] ?? '')) start++;
  while (end > start && BLANK.test(text[end - 1] ?? '')) end--;
  return text.slice(start, end);
}
