import * as z from 'zod';
import { nearName } from './near-name.js';
import type { Finding } from './problem.js';
import { quote } from './reading.js';
import { fileSchema } from './schema.js';
import { child, toPlain, type Tree } from './tree.js';

type Path = readonly PropertyKey[];

/** Everything in the file that the schema refuses, field by field: unknown and missing keys, wrong shapes, bad values. */
export function checkSchema(root: Tree): Finding[] {
  const result = fileSchema.safeParse(toPlain(root));
  return result.success ? [] : result.error.issues.flatMap((issue) => toFindings(root, issue));
}

function toFindings(root: Tree, issue: z.core.$ZodIssue): Finding[] {
  const { path } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(root, path, key));
    case 'invalid_union':
      return unionFindings(root, issue);
    case 'invalid_type':
      return [wrongShape(root, path, issue.expected)];
    default:
      return [
        { offset: nodeAt(root, path)?.offset ?? root.offset, message: label(path, issue.message), fix: fixOf(issue) },
      ];
  }
}

/** Of a value that may have two shapes, what is wrong with it in the shape that it has. */
function unionFindings(root: Tree, { path, errors }: z.core.$ZodIssueInvalidUnion): Finding[] {
  const isOther = (issues: readonly z.core.$ZodIssue[]): boolean =>
    issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0);
  const issues = errors.find((candidates) => !isOther(candidates)) ?? errors[0] ?? [];
  return issues.flatMap((issue) => toFindings(root, { ...issue, path: [...path, ...issue.path] }));
}

const fixOf = (issue: object): string | undefined => (issue as { params?: { fix?: string } }).params?.fix;

const label = (path: Path, message: string): string => (path.length === 0 ? message : `${path.join('.')}: ${message}`);

function unknownKey(root: Tree, path: Path, key: string): Finding {
  const known = keysOf(schemaAt(path));
  const [, glued, value = ''] = /^([^:]+):(.+)$/.exec(key) ?? [];
  if (glued !== undefined && known.includes(glued)) {
    return {
      offset: keyOffset(root, [...path, key]),
      message: label(path, `no blank stands after the colon of ${quote(key)}`),
      fix: `${glued}: ${value}`,
      meant: [...path, glued].join('.'),
    };
  }
  const near = nearName(key, known);
  const elsewhere =
    near === undefined ? known.find((group) => keysOf(schemaAt([...path, group])).includes(key)) : undefined;
  const where = path.length === 0 ? '' : ` in ${path.join('.')}`;
  let fix = `the keys here are ${known.join(', ')}`;
  if (near !== undefined) fix = `did you mean ${quote(near)}?`;
  if (elsewhere !== undefined) fix = `put it under ${quote(elsewhere)}: ${elsewhere}: { ${key}: … }`;
  return {
    offset: keyOffset(root, [...path, key]),
    message: `unknown key ${quote(key)}${where}`,
    fix,
    meant: near && [...path, near].join('.'),
  };
}

function wrongShape(root: Tree, path: Path, expected: string): Finding {
  const node = nodeAt(root, path);
  if (node === undefined) {
    const parent = path.slice(0, -1);
    const fix = MISSING_FIXES[path.join('.')];
    return {
      offset: keyOffset(root, parent),
      message: label(parent, `${quote(String(path.at(-1)))} is missing`),
      fix,
      missing: path.join('.'),
    };
  }
  const wanted =
    { object: 'a mapping of keys', record: 'a mapping of keys', array: 'a list' }[expected] ?? 'a single value';
  const isEmpty = node.kind === 'scalar' && node.text === '';
  const found = isEmpty ? 'nothing' : { scalar: 'a single value', map: 'a mapping', list: 'a list' }[node.kind];
  const fix = isEmpty ? undefined : shapeFix(node, expected, path);
  return {
    offset: isEmpty ? keyOffset(root, path) : node.offset,
    message: label(path, `${wanted} must stand here, not ${found}`),
    fix,
  };
}

/** What was probably meant. */
function shapeFix(node: Tree, expected: string, path: Path): string | undefined {
  if (node.kind === 'scalar' && expected === 'array') return `[${node.text}]`;
  if (node.kind === 'scalar' && path.at(-1) === 'underlay') return `underlay: { address: ${node.text}, device: … }`;
  if (node.kind === 'list')
    return `write ${expected === 'object' || expected === 'record' ? 'keys with their values' : 'one value'}, without "- " or [ ]`;
  return undefined;
}

const MISSING_FIXES: Partial<Record<string, string>> = {
  prefix: 'add a line like "prefix: 2001:db8:ae00::/40"',
  hub: 'add "hub:" with "underlay: { address: …, device: … }"',
  spokes: 'add "spokes:" with a name and an id for each',
  'hub.underlay': 'add "underlay: { address: …, device: … }"',
};

/** The node at a path, or undefined when there is none. */
function nodeAt(root: Tree, path: Path): Tree | undefined {
  let node: Tree | undefined = root;
  for (const step of path) node = node?.kind === 'list' ? node.items[Number(step)] : child(node, String(step));
  return node;
}

/** Where the key at the end of a path stands; a list's item stands where it begins. */
function keyOffset(root: Tree, path: Path): number {
  const parent = nodeAt(root, path.slice(0, -1));
  const entry = parent?.kind === 'map' ? parent.entries.get(String(path.at(-1))) : undefined;
  return entry?.keyOffset ?? nodeAt(root, path)?.offset ?? root.offset;
}

/** The schema that applies at a path, with `optional` taken off. */
function schemaAt(path: Path): unknown {
  let schema: unknown = fileSchema;
  for (const step of path) {
    if (schema instanceof z.ZodObject) schema = (schema.shape as Record<string, unknown>)[String(step)];
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else return undefined;
    if (schema instanceof z.ZodOptional) schema = schema.unwrap();
  }
  return schema;
}

const keysOf = (schema: unknown): string[] => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : []);
