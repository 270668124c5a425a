import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblems } from '../../src/inventory/format-problems.js';
import type { Inventory } from '../../src/inventory/inventory.js';
import { loadInventory } from '../../src/inventory/load-inventory.js';

// A case is a directory: inventory.yaml, and expected.txt with what a person is shown, or with the inventory when it is accepted.
// After a change that is meant, `npx vitest run -u test/inventory` writes expected.txt anew: read every difference.
const cases = join(import.meta.dirname, 'cases');

test.each(readdirSync(cases).sort())('%s', async (name) => {
  const path = relative(process.cwd(), join(cases, name, 'inventory.yaml'));
  const result = await loadInventory(path);
  const shown = result.ok ? showInventory(result.inventory) : formatProblems(result.problems);
  await expect(shown.replaceAll(path, 'inventory.yaml')).toMatchFileSnapshot(join(cases, name, 'expected.txt'));
  expect(result.ok).toBe(name.startsWith('accepted-'));
});

/** Without the absolute path, which differs from one machine to the next. */
const showInventory = (inventory: Inventory): string =>
  `${JSON.stringify({ ...inventory, path: undefined }, null, 2)}\n`;
