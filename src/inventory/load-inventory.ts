import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { assembleInventory, expandPath } from './assemble-inventory.js';
import { checkSchema } from './check-schema.js';
import { draftInventory, type Draft } from './draft.js';
import type { Inventory } from './inventory.js';
import { findOddCharacters } from './odd-characters.js';
import { findMisindented } from './misindented.js';
import { parseYaml } from './parse-yaml.js';
import type { Finding, Problem } from './problem.js';
import { readSource } from './read-source.js';
import { quote } from './reading.js';
import { RULES } from './rules.js';
import type { SourceText } from './source-text.js';

/** An inventory without any problem, or all its problems in the order of the file. */
export type LoadResult =
  { readonly ok: true; readonly inventory: Inventory } | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads and checks an inventory file. Whatever is wrong with it is a Problem; nothing is thrown for a bad file. */
export async function loadInventory(path: string): Promise<LoadResult> {
  const source = await readSource(path);
  if (!('text' in source)) return { ok: false, problems: [source] };
  const { text, path: absolutePath } = source;
  const { draft, findings } = checkInventory(text);
  if (draft !== undefined) findings.push(...(await checkTemplates(draft, absolutePath)));
  if (draft !== undefined && findings.length === 0)
    return { ok: true, inventory: assembleInventory(draft, absolutePath) };
  return { ok: false, problems: toProblems(findings, text) };
}

/** Everything that can be said of the file's text alone. Without a draft the text is no YAML that could be analysed. */
function checkInventory(source: SourceText): { draft?: Draft; findings: Finding[] } {
  // What YAML makes of them is a riddle: they alone are told.
  const oddCharacters = findOddCharacters(source);
  if (oddCharacters.length > 0) return { findings: oddCharacters };
  const { root, findings: yamlFindings } = parseYaml(source);
  if (root === undefined) return { findings: [...yamlFindings] };
  // All that follows from a wrong indent would hide it.
  const misindented = findMisindented(root);
  if (misindented.length > 0) return { findings: [...yamlFindings, ...misindented] };
  const draft = draftInventory(root);
  const ruleFindings = RULES.flatMap(({ check }) => check(draft, source));
  return { draft, findings: [...yamlFindings, ...checkSchema(root), ...ruleFindings] };
}

async function checkTemplates({ templates }: Draft, path: string): Promise<Finding[]> {
  if (templates === undefined) return [];
  const directory = expandPath(templates.value, dirname(path));
  const isDirectory = await stat(directory).then(
    (info) => info.isDirectory(),
    () => false,
  );
  return isDirectory
    ? []
    : [
        {
          offset: templates.offset,
          message: `templates: there is no directory ${quote(templates.value)} beside the inventory`,
        },
      ];
}

/**
 * In the order of the file, each once: a value that aliases share is checked at each place but stands at one, and a key that is written wrong is
 * unknown, not missing as well.
 */
function toProblems(findings: readonly Finding[], source: SourceText): Problem[] {
  const meant = new Set(findings.flatMap((finding) => finding.meant ?? []));
  const told = findings.filter(({ missing }) => missing === undefined || !meant.has(missing));
  const unique = new Map(told.map((finding) => [`${finding.offset} ${finding.message}`, finding]));
  return [...unique.values()].sort((a, b) => a.offset - b.offset).map((finding) => source.locate(finding));
}
