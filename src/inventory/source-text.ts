import { LineCounter } from 'yaml';
import type { Finding, Problem } from './problem.js';

/** The text of an inventory file, able to tell the line and column of an offset. */
export class SourceText {
  /** Path as the user gave it, for messages. */
  readonly file: string;
  readonly text: string;
  private readonly counter = new LineCounter();

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    this.counter.addNewLine(0);
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.counter.addNewLine(at + 1);
  }

  /** Line and column of an offset, both from 1. */
  placeOf(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.counter.linePos(offset);
    return { line, column: col };
  }

  /** A finding as a Problem of this file. */
  locate({ offset, message, fix }: Finding): Problem {
    const { line, column } = this.placeOf(offset);
    const start = this.counter.lineStarts[line - 1] ?? 0;
    const end = this.counter.lineStarts[line] ?? this.text.length + 1;
    const sourceLine = this.text.slice(start, end - 1).replace(/\r$/, '');
    return { file: this.file, line, column, message, fix, sourceLine };
  }
}
