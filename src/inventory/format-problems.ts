import { symbols } from '../printable.js';
import type { Problem } from './problem.js';

/** Widest piece of a source line that is shown, and the narrowest, in characters. */
const MAX_WIDTH = 120;
const MIN_WIDTH = 20;

export interface ProblemFormat {
  readonly color?: boolean;
  /** Columns. */
  readonly width?: number;
  /** Breaks a line of words that is longer; default: it stays long. */
  readonly wrap?: (text: string, width: number) => readonly string[];
}

/**
 * Problems as a person reads them: `file:line:column: message`, the source line, a caret below the place, the fix, and a line that
 * counts them. A line that would wrap is cut: the caret could not stand below its place. Control characters from the file are shown as symbols and never reach the terminal.
 */
export function formatProblems(
  problems: readonly Problem[],
  { color = false, width = Infinity, wrap = (text) => [text] }: ProblemFormat = {},
): string {
  const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const blocks = problems.map((problem) => {
    const { file, line, column, message, fix, sourceLine } = problem;
    // Of a file that could not be read there is no place.
    const place = sourceLine === undefined ? '' : `${line}:${column}:`;
    const where = `${symbols(file)}:${place}`;
    const [first = '', ...more] = wrap(`${where} ${symbols(message)}`, width);
    const head = first.startsWith(`${where} `)
      ? `${paint(BOLD, where)} ${paint(RED, first.slice(where.length + 1))}`
      : paint(BOLD, first);
    const lines = [head, ...more.map((text) => paint(RED, text))];
    if (sourceLine !== undefined && sourceLine !== '') {
      const gutter = `${String(line).padStart(5)} | `;
      const room = Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, width - gutter.length - 2));
      const { shown, caret } = clip(sourceLine, column, room);
      lines.push(`${paint(DIM, gutter)}${symbols(shown)}`);
      lines.push(`${paint(DIM, `${' '.repeat(5)} | `)}${' '.repeat(caret)}${paint(RED, '^')}`);
    }
    if (fix !== undefined) {
      const [advice = '', ...rest] = wrap(`fix: ${symbols(fix)}`, width);
      lines.push(advice.replace(/^fix:/, paint(GREEN, 'fix:')), ...rest);
    }
    return lines.join('\n');
  });
  const [first] = problems;
  if (first === undefined) return '';
  const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${symbols(first.file)}`;
  return `${[...blocks, count].join('\n\n')}\n`;
}

const BOLD = 1;
const DIM = 2;
const RED = 31;
const GREEN = 32;

/** The piece of a line around a column, of at most `room` characters, and how far into it the caret stands. */
function clip(sourceLine: string, column: number, room: number): { shown: string; caret: number } {
  const at = Math.min(column - 1, sourceLine.length);
  const start = at < room - Math.floor(room / 6) ? 0 : at - Math.floor(room / 2);
  const end = start + room;
  const head = start > 0 ? '…' : '';
  const tail = end < sourceLine.length ? '…' : '';
  return { shown: `${head}${sourceLine.slice(start, end)}${tail}`, caret: at - start + head.length };
}
