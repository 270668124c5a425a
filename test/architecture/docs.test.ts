import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

it('the threat model names tests that are there', () => {
  const text = readFileSync(new URL('docs/security.md', root), 'utf8');
  const lastCells = [...text.matchAll(/\| ([^|\n]*?) *\|$/gm)].map(([, cell = '']) => cell);
  const named = lastCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
  expect(named.length).toBeGreaterThan(20);
  const isThere = (path: string): boolean => existsSync(new URL(`test/${path}`, root));
  const missing = named.filter((name) => !isThere(`${name}.test.ts`) && !isThere(name));
  expect(missing).toEqual([]);
});
