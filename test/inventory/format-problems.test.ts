import { expect, test } from 'vitest';
import { formatProblems } from '../../src/inventory/format-problems.js';

const problem = { file: 'inventory.yaml', line: 3, column: 9, message: 'wrong', sourceLine: '    id: 0', fix: 'id: 1' };

test('shows the place, the line, a caret, the fix and the count', () => {
  expect(formatProblems([problem])).toBe(
    [
      'inventory.yaml:3:9: wrong',
      '    3 |     id: 0',
      '      |         ^',
      'fix: id: 1',
      '',
      '1 problem in inventory.yaml',
      '',
    ].join('\n'),
  );
});

test('colours only when asked to, and changes nothing else', () => {
  const coloured = formatProblems([problem], { color: true });
  expect(coloured).toContain('\u001b[31m^\u001b[0m');
  // eslint-disable-next-line no-control-regex
  expect(coloured.replace(/\u001b\[[0-9]+m/g, '')).toBe(formatProblems([problem]));
});

test('lets no control character reach the terminal', () => {
  const hostile = 'a\u001b[2J\r\u0007\u009b31m\u202e\u2028b';
  const shown = formatProblems([{ ...problem, file: hostile, message: hostile, sourceLine: hostile, fix: hostile }]);
  // eslint-disable-next-line no-control-regex
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
});

test.each([140, 80, 40])('keeps the caret below its place in a line that is cut to %d columns', (width) => {
  const sourceLine = `${'a'.repeat(5000)}X${'b'.repeat(5000)}`;
  for (const column of [1, 20, 60, 5001, 10_001]) {
    const line = column === 5001 ? sourceLine : `${'a'.repeat(column - 1)}X${'b'.repeat(70)}`;
    const [, source = '', caret = ''] = formatProblems([{ ...problem, column, sourceLine: line }], { width }).split(
      '\n',
    );
    expect(source.length).toBeLessThanOrEqual(width);
    expect(source[caret.indexOf('^')]).toBe('X');
  }
});

test('breaks messages and fixes at words', () => {
  const wrap = (text: string, width: number): string[] => [text.slice(0, width), text.slice(width)];
  const shown = formatProblems([{ ...problem, message: 'w'.repeat(30), fix: 'f'.repeat(30) }], { width: 40, wrap });
  expect(shown.split('\n')).toEqual([
    `inventory.yaml:3:9: ${'w'.repeat(20)}`,
    'w'.repeat(10),
    '    3 |     id: 0',
    '      |         ^',
    `fix: ${'f'.repeat(30)}`,
    '',
    '',
    '1 problem in inventory.yaml',
    '',
  ]);
});
