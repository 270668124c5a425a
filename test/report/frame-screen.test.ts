import { describe, expect, it } from 'vitest';
import { FrameScreen } from '../../src/report/frame-screen.js';

const lineOf = (width: number) => ({ text: 'x'.repeat(width), width });

function recordedScreen() {
  const stream = { columns: 80, rows: 24, written: [] as string[], write: (text: string) => stream.written.push(text) };
  return { stream, screen: new FrameScreen(stream) };
}

describe('FrameScreen', () => {
  it('erases the rows that its lines take after the terminal became narrower', () => {
    const { stream, screen } = recordedScreen();
    screen.draw([lineOf(60), lineOf(20)]);
    stream.columns = 25;
    screen.clear();
    expect(stream.written.at(-1)).toBe('\r\x1b[4A\x1b[J\x1b[?25h');
  });

  it('never moves up further than the terminal is high', () => {
    const { stream, screen } = recordedScreen();
    screen.draw(Array.from({ length: 10 }, () => lineOf(5)));
    stream.rows = 5;
    screen.print('above\n');
    expect(stream.written.at(-1)).toContain('\x1b[4A');
  });

  it('writes nothing when there is nothing to clear', () => {
    const { stream, screen } = recordedScreen();
    screen.clear();
    expect(stream.written).toEqual([]);
  });
});
