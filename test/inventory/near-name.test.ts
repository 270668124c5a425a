import { expect, test } from 'vitest';
import { nearName } from '../../src/inventory/near-name.js';

test.each([
  ['prefx', 'prefix'],
  ['perfix', 'prefix'],
  ['PREFIX', 'prefix'],
  ['hbu', 'hub'],
  ['underlya', 'underlay'],
  ['colour', undefined],
  ['x', undefined],
  ['', undefined],
])('%s is near to %s', (word, expected) => {
  expect(nearName(word, ['prefix', 'hub', 'underlay', 'id'])).toBe(expected);
});

test('prefers the nearest, and the first of equals', () => {
  expect(nearName('tokio', ['tokaido', 'tokyo', 'tokia'])).toBe('tokyo');
});
