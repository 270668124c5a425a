import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const document = read('docs/json.md');
const found = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, word = '']) => word);

it('docs/json.md lists every event of the code', () => {
  const events = new Set(found(read('src/events.ts'), /readonly event: '(\w+)'/g));
  const table = document.slice(0, document.indexOf('A **tunnel** has'));
  expect(found(table, /^\| `(\w+)` /gm).toSorted()).toEqual(['event', ...events].toSorted());
});

it('docs/json.md lists every error code', () => {
  const codes = found(read('src/errors.ts'), /^ {2}\| '([\w-]+)'/gm);
  const table = document.slice(document.lastIndexOf('| `code`'));
  expect(
    found(table, /`([\w-]+)`(?=[^|]*\|[^|]*\|$)/gm)
      .filter((word) => word !== 'code')
      .toSorted(),
  ).toEqual(codes.toSorted());
});
