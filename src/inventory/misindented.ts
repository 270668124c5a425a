import type { Finding } from './problem.js';
import { SPOKE_KEYS } from './schema.js';
import { child, type Tree } from './tree.js';

/** A spoke whose keys stand beside its name instead of below it: they read as spokes called `id`, `underlay` and so on. */
export function findMisindented(root: Tree): Finding[] {
  const spokes = child(root, 'spokes');
  if (spokes?.kind !== 'map') return [];
  const entries = [...spokes.entries];
  return entries.flatMap(([name, { keyOffset, value }], index) => {
    const next = entries[index + 1]?.[0];
    const isEmpty = value.kind === 'scalar' && value.text === '';
    if (!isEmpty || next === undefined || !SPOKE_KEYS.includes(next)) return [];
    return [
      {
        offset: keyOffset,
        message: `spokes.${name} has nothing below it: "${next}" stands beside it`,
        fix: `indent the keys of ${name} by two more spaces`,
      },
    ];
  });
}
