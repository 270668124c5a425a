/** A YAML value with the places of all its parts, every scalar still the text that was written. Aliases share their target. */
export type Tree = ScalarTree | MapTree | ListTree;

export interface ScalarTree {
  readonly kind: 'scalar';
  readonly text: string;
  /** UTF-16 offset into the file. */
  readonly offset: number;
}

export interface MapTree {
  readonly kind: 'map';
  /** In the order of the file. */
  readonly entries: ReadonlyMap<string, { readonly keyOffset: number; readonly value: Tree }>;
  readonly offset: number;
}

export interface ListTree {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly offset: number;
}

/** The value under `key`, or undefined when `tree` is no map or has no such key. */
export const child = (tree: Tree | undefined, key: string): Tree | undefined =>
  tree?.kind === 'map' ? tree.entries.get(key)?.value : undefined;

/** The tree as plain values for the schema: text, arrays, and objects without a prototype. Shared parts stay shared. */
export function toPlain(tree: Tree, done = new Map<Tree, unknown>()): unknown {
  if (tree.kind === 'scalar') return tree.text;
  const known = done.get(tree);
  if (known !== undefined) return known;
  let plain: unknown;
  if (tree.kind === 'list') {
    plain = tree.items.map((item) => toPlain(item, done));
  } else {
    const object = Object.create(null) as Record<string, unknown>;
    for (const [key, { value }] of tree.entries) object[key] = toPlain(value, done);
    plain = object;
  }
  done.set(tree, plain);
  return plain;
}
