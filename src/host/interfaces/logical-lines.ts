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
    let line = (raw[index] ?? '').replace(/^[ \t\v\f\r]+/, '');
    if (line.startsWith('#')) continue;
    while (line.endsWith('\\') && index + 1 < raw.length) {
      index++;
      line = line.slice(0, -1) + (raw[index] ?? '');
    }
    const [word = '', rest = ''] = /^([^ \t\v\f\r]*)[ \t\v\f\r]*(.*?)[ \t\v\f\r]*$/s.exec(line)?.slice(1) ?? [];
    if (word !== '') lines.push({ number: index + 1, word, rest });
  }
  return lines;
}
