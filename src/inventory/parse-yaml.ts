import { isAlias, isMap, isScalar, isSeq, parseDocument, type Pair, type ParsedNode, type YAMLError } from 'yaml';
import type { Finding } from './problem.js';
import { quote } from './reading.js';
import type { SourceText } from './source-text.js';
import type { Tree } from './tree.js';

/** Values that aliases may add to a file: ten for each spoke of the largest fleet and as much again to spare. */
const ALIAS_BUDGET = 1_300_000;
/** Levels of nesting; an inventory has five. */
const MAX_DEPTH = 32;
const TOO_DEEP = `nested more than ${MAX_DEPTH} levels deep`;

/**
 * Parses YAML 1.2 with the failsafe schema: every scalar stays the text that was written, so that `08` and `0x0a` can be read
 * as people expect. A syntax error or an alias without a value ends the analysis (no root); duplicate and odd keys do not.
 */
export function parseYaml(source: SourceText): {
  readonly root: Tree | undefined;
  readonly findings: readonly Finding[];
} {
  let document;
  try {
    document = parseDocument(source.text, {
      schema: 'failsafe',
      resolveKnownTags: false,
      uniqueKeys: false,
      prettyErrors: false,
    });
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    return { root: undefined, findings: [{ offset: 0, message: `YAML: ${TOO_DEEP}` }] };
  }
  const complaints = withoutEchoes(document.errors.length > 0 ? document.errors : document.warnings);
  const end = source.text.trimEnd().length;
  const findings: Finding[] = complaints.map(({ start, code, message }) => {
    // An error at the end of the file is shown after its last character, not on an empty line.
    const offset = Math.min(start, end);
    const [address] =
      /^[0-9a-f:]+::(?=\s*$)/im.exec(source.text.slice(offset, source.text.indexOf('\n', offset))) ?? [];
    if (code === 'BLOCK_AS_IMPLICIT_KEY' && address !== undefined) return unquotedAddress(offset, address);
    const kind = isAboutComma({ code, message }) ? 'BLOCK_IN_FLOW' : code;
    return {
      offset,
      message: `YAML: ${SYNTAX_MESSAGES[kind] ?? `${(message[0] ?? '').toLowerCase()}${message.slice(1)}`}`,
      fix: SYNTAX_FIXES[kind],
    };
  });
  if (document.errors.length > 0) return { root: undefined, findings };
  if (document.contents === null || isEmptyScalar(document.contents)) {
    findings.push({ offset: 0, message: 'the file has no content', fix: 'start from inventory.example.yaml' });
    return { root: undefined, findings };
  }
  const walk = new Walk(source, findings);
  const root = walk.toTree(document.contents, 0)?.tree;
  return { root: walk.isBroken ? undefined : root, findings };
}

/** Inside of { } or [ ]. */
const isAboutComma = ({ code, message }: { code: string; message: string }): boolean =>
  code === 'BLOCK_IN_FLOW' || (code === 'MISSING_CHAR' && message.startsWith('Missing ,'));

/** Of a missing comma the library complains twice: first of what it did not expect there, which is the place. */
const withoutEchoes = (complaints: readonly YAMLError[]): { code: string; message: string; start: number }[] =>
  complaints.flatMap(({ code, message, pos }, index) => {
    const [before, next] = [complaints[index - 1], complaints[index + 1]];
    if (code === 'UNEXPECTED_TOKEN' && next !== undefined && isAboutComma(next)) return [];
    const isEchoed = before?.code === 'UNEXPECTED_TOKEN' && isAboutComma({ code, message });
    return [{ code, message, start: isEchoed ? Math.min(before.pos[0], pos[0]) : pos[0] }];
  });

/** An IPv6 prefix without its length ends like a key. */
const unquotedAddress = (offset: number, address: string): Finding => ({
  offset,
  message: `YAML: ${address} ends in ":" and so reads as a key`,
  fix: `write its length, as ${address}/40`,
});

/** Where the library's own words speak to programmers. */
const SYNTAX_MESSAGES: Partial<Record<string, string>> = {
  // Of the library's stack, whose end lies far beyond what we take.
  RESOURCE_EXHAUSTION: TOO_DEEP,
  BLOCK_IN_FLOW: 'inside { } or [ ] another key begins here without a comma before it',
  MULTIPLE_DOCS: 'a second document begins here',
  MULTILINE_IMPLICIT_KEY: 'this reads as a key that runs over several lines',
};

const SYNTAX_FIXES: Partial<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  MULTIPLE_DOCS: 'keep one document: remove the "---" between the two',
  BAD_ALIAS: 'write text that starts with "*" or "&" in quotes',
  TAG_RESOLVE_FAILED: 'remove the tag that starts with "!"',
  MULTILINE_IMPLICIT_KEY: 'check that every key ends in ": " and stands alone on its line',
  BLOCK_AS_IMPLICIT_KEY:
    'put the nested key on a line of its own, indented by two more spaces; write text that ends in ":" in quotes',
  BLOCK_IN_FLOW: 'put a comma between the two: { address: …, device: … }',
  BAD_INDENT: 'indent the keys of one mapping alike, and close every { and [',
  MISSING_CHAR: 'close every quote, { and [',
};

const isEmptyScalar = (node: unknown): boolean => isScalar(node) && (node.source ?? '') === '' && node.type === 'PLAIN';

/** A tree and how many values it has with all aliases written out. */
interface Sized {
  readonly tree: Tree;
  readonly size: number;
}

/** One walk over the nodes in the order of the file; it keeps the anchors seen so far and what aliases have added. */
class Walk {
  private readonly anchors = new Map<string, Sized | 'open'>();
  private readonly source: SourceText;
  private readonly findings: Finding[];
  private aliased = 0;
  /** A part of the document has no value, so that what depends on it cannot be judged. */
  isBroken = false;

  constructor(source: SourceText, findings: Finding[]) {
    this.source = source;
    this.findings = findings;
  }

  /** The tree of a node, or undefined when it cannot be used; then a finding says why. */
  toTree(node: ParsedNode, depth: number): Sized | undefined {
    const offset = node.range[0];
    if (isAlias(node)) return this.resolve(node.source, offset);
    if (depth > MAX_DEPTH) {
      return this.giveUp({ offset, message: `YAML: ${TOO_DEEP}` });
    }
    const { anchor } = node;
    if (anchor !== undefined) this.anchors.set(anchor, 'open');
    const sized = this.build(node, offset, depth);
    if (anchor !== undefined) this.anchors.set(anchor, sized);
    return sized;
  }

  private giveUp(finding: Finding): undefined {
    this.isBroken = true;
    this.findings.push(finding);
    return undefined;
  }

  private build(node: ParsedNode, offset: number, depth: number): Sized {
    if (isMap(node)) return this.toMap(node.items, offset, depth);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.toTree(item, depth + 1)).filter((item) => item !== undefined);
      return {
        tree: { kind: 'list', items: items.map(({ tree }) => tree), offset },
        size: items.reduce((sum, item) => sum + item.size, 1),
      };
    }
    return { tree: { kind: 'scalar', text: scalarText(node), offset }, size: 1 };
  }

  private toMap(pairs: readonly Pair<ParsedNode, ParsedNode | null>[], offset: number, depth: number): Sized {
    const entries = new Map<string, { keyOffset: number; value: Tree }>();
    let size = 1;
    for (const { key, value } of pairs) {
      const keyOffset = key.range[0];
      // The value is walked even when its key is bad: anchors in it may be used further down.
      const sized = value === null ? undefined : this.toTree(value, depth + 1);
      const name = this.toKey(key);
      if (name === undefined) continue;
      const first = entries.get(name);
      if (first !== undefined) {
        const { line } = this.source.placeOf(first.keyOffset);
        this.findings.push({
          offset: keyOffset,
          message: `duplicate key ${quote(name)}: it stands first on line ${line}`,
          fix: 'rename or remove one of the two',
        });
        continue;
      }
      const end = { tree: { kind: 'scalar', text: '', offset: keyOffset } as const, size: 1 };
      const used = sized ?? end;
      size += used.size;
      entries.set(name, { keyOffset, value: used.tree });
    }
    return { tree: { kind: 'map', entries, offset }, size };
  }

  private toKey(key: ParsedNode): string | undefined {
    const offset = key.range[0];
    if (!isScalar(key)) {
      this.findings.push({ offset, message: 'a key must be plain text, not a list, a mapping or an alias' });
      return undefined;
    }
    if (key.anchor !== undefined) this.anchors.set(key.anchor, this.build(key, offset, 0));
    const name = scalarText(key);
    if (name === '<<') {
      this.findings.push({
        offset,
        message: 'merge keys ("<<") are not part of YAML 1.2 and are not supported',
        fix: 'put what the spokes share under "defaults:"',
      });
      return undefined;
    }
    // JavaScript would take it for an object's prototype.
    if (name === '__proto__') {
      this.findings.push({ offset, message: 'no key may be called "__proto__"' });
      return undefined;
    }
    return name;
  }

  private resolve(name: string, offset: number): Sized | undefined {
    const target = this.anchors.get(name);
    if (target === undefined) {
      return this.giveUp({ offset, message: `no anchor "&${name}" stands before this alias` });
    }
    if (target === 'open') {
      return this.giveUp({ offset, message: `the alias "*${name}" stands inside the value it refers to` });
    }
    if (this.aliased > ALIAS_BUDGET) return undefined;
    this.aliased += target.size;
    if (this.aliased <= ALIAS_BUDGET) return target;
    return this.giveUp({
      offset,
      message: `the aliases explode: written out they add over ${ALIAS_BUDGET} values, counted up to this one`,
      fix: 'write the values out, or put what the spokes share under "defaults:"',
    });
  }
}

/** A scalar's text; the failsafe schema makes strings of all of them. */
const scalarText = (node: unknown): string => (isScalar(node) && typeof node.value === 'string' ? node.value : '');
