import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inventoryJsonSchema } from '../../src/inventory/json-schema.js';
import { loadInventory } from '../../src/inventory/load-inventory.js';

const root = join(import.meta.dirname, '../..');

test('docs/inventory.schema.json is the schema that the code makes', async () => {
  const text = `${JSON.stringify(inventoryJsonSchema(), null, 2)}\n`;
  await expect(
    text,
    'stale: regenerate it with `npx vitest run -u test/inventory/json-schema.test.ts`',
  ).toMatchFileSnapshot(join(root, 'docs/inventory.schema.json'));
});

test('offers an integer field as a number with bounds or as text', () => {
  const text = JSON.stringify(inventoryJsonSchema());
  expect(text).toContain('"anyOf":[{"type":"integer","minimum":1280,"maximum":65535},{"type":"string","pattern":');
});

test('describes every key', () => {
  const undescribed: string[] = [];
  const visit = (schema: { properties?: Record<string, { description?: string }> }, path: string): void => {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      if (value.description === undefined) undescribed.push(`${path}${key}`);
      visit(value as typeof schema, `${path}${key}.`);
    }
  };
  visit(inventoryJsonSchema(), '');
  expect(undescribed).toEqual([]);
});

test('the annotated example names the schema in its first line and is accepted', async () => {
  const path = join(root, 'inventory.example.yaml');
  expect(readFileSync(path, 'utf8').split('\n')[0]).toBe('# yaml-language-server: $schema=docs/inventory.schema.json');
  expect(await loadInventory(path)).toMatchObject({ ok: true, inventory: { path } });
});
