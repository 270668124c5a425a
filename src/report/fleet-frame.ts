/** The live view's frame: a title a task, below it as many of its lines as the terminal has room for. Pure. */
import { cutToWidth } from './fit-width.js';
import type { Paint } from './paint.js';

export interface FrameTask {
  readonly title: string;
  readonly lines: readonly string[];
}

export interface FrameLine {
  readonly text: string;
  /** Columns it takes, colour codes not counted. */
  readonly width: number;
}

export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

/** More in flight than this is a blur; the rest is a number. */
const MAX_LINES = 8;

/** At most `rows - 1` lines (the cursor rests below them), each at most `columns - 1` wide (the last column may wrap). */
export function fleetFrame(tasks: readonly FrameTask[], marker: string, size: FrameSize, paint: Paint): FrameLine[] {
  const width = Math.max(size.columns - 1, 1);
  const height = Math.max(size.rows - 1, 1);
  let room = Math.min(MAX_LINES, height - tasks.length);
  const frame: FrameLine[] = [];
  const push = (text: string, colour: 'bold' | 'dim') => {
    const cut = cutToWidth(text, width);
    frame.push({ text: paint(colour, cut), width: [...cut].length });
  };
  for (const { title, lines } of tasks) {
    push(`${marker} ${title}`, 'bold');
    const shown = fitLines(lines, room);
    room -= shown.length;
    for (const line of shown) push(`    ${line}`, 'dim');
  }
  return frame.slice(-height);
}

function fitLines(lines: readonly string[], room: number): readonly string[] {
  if (lines.length <= room) return lines;
  if (room < 1) return [];
  return [...lines.slice(0, room - 1), `… and ${lines.length - room + 1} more`];
}
