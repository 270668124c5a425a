/* oxlint-disable no-control-regex */
/** A terminal that draws what is written to it, as far as the live view uses one. Both streams of a run may share it. */
export class FakeTerminal {
  readonly isTTY = true;
  columns: number;
  rows: number;
  isCursorVisible = true;
  /** Every line since the start; what scrolled away stays here. */
  readonly lines: string[] = [''];
  /** The longest line ever on screen, also when it was erased since. */
  widest = 0;
  private row = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string, written?: () => void): boolean {
    for (const [token] of text.matchAll(/\x1b\[(\??[0-9;]*)([A-Za-z])|[^\x1b]/gu)) this.draw(token);
    written?.();
    return true;
  }

  get text(): string {
    return this.lines.join('\n');
  }

  private draw(token: string): void {
    const [, parameters = '', code] = /^\x1b\[(\??[0-9;]*)([A-Za-z])$/.exec(token) ?? [];
    if (code === 'A') this.moveUp(Number(parameters));
    else if (code === 'J') this.lines.splice(this.row, Infinity, '');
    else if (parameters === '?25') this.isCursorVisible = code === 'h';
    else if (code === undefined && token === '\n') this.lines[++this.row] ??= '';
    else if (code === undefined && token !== '\r') {
      this.lines[this.row] += token;
      this.widest = Math.max(this.widest, [...(this.lines[this.row] ?? '')].length);
    }
  }

  private moveUp(rows: number): void {
    // What scrolled off the screen cannot be reached; a view that tries has lost count.
    if (rows >= this.rows) throw new Error(`cannot move up ${rows} rows of ${this.rows}`);
    this.row -= rows;
  }
}
