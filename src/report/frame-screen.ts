/** A few lines at the bottom of a terminal that are redrawn in place, with lasting text scrolling away above them. */
import type { OutputStream } from './output-stream.js';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
/** Auto-wrap is off while the frame is drawn: a character that is wider than we think must not start a line we do not count. */
const WRAP_OFF = '\x1b[?7l';
const WRAP_ON = '\x1b[?7h';
const ERASE_BELOW = '\x1b[J';

/** Each call is one write, so that a terminal never shows a half-drawn frame and no other text gets between. */
export class FrameScreen {
  private readonly stream: OutputStream;
  private frame: readonly { readonly text: string; readonly width: number }[] = [];
  private isCursorHidden = false;

  constructor(stream: OutputStream) {
    this.stream = stream;
  }

  get columns(): number {
    return this.stream.columns || 80;
  }

  get rows(): number {
    return this.stream.rows || 24;
  }

  /** Replaces the frame. `width` is a line's width without its colour codes. */
  draw(frame: readonly { readonly text: string; readonly width: number }[], above = ''): void {
    const text = this.eraseCode() + above + this.frameCode(frame);
    this.frame = frame;
    this.stream.write(text);
  }

  /** Writes lasting text (whole lines) above the frame. */
  print(text: string): void {
    this.draw(this.frame, text);
  }

  /** Removes the frame, for another stream on the same terminal to write, or for good, and gives the cursor back. */
  clear(): void {
    const code = this.eraseCode() + (this.isCursorHidden ? SHOW_CURSOR : '');
    this.frame = [];
    this.isCursorHidden = false;
    if (code !== '') this.stream.write(code);
  }

  /**
   * A terminal made narrower since the last draw has wrapped its lines: each now takes as many rows as fit it at this width. One made
   * lower has scrolled the frame's top away, where nothing can erase it.
   */
  private eraseCode(): string {
    if (this.frame.length === 0) return '';
    const rows = this.frame.reduce((sum, { width }) => sum + Math.max(1, Math.ceil(width / this.columns)), 0);
    return `\r\x1b[${Math.min(rows, Math.max(this.rows - 1, 1))}A${ERASE_BELOW}`;
  }

  private frameCode(frame: readonly { readonly text: string }[]): string {
    if (frame.length === 0) return '';
    const hide = this.isCursorHidden ? '' : HIDE_CURSOR;
    this.isCursorHidden = true;
    return `${hide}${WRAP_OFF}${frame.map(({ text }) => `${text}\n`).join('')}${WRAP_ON}`;
  }
}
