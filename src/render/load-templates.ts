import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VxfleetError } from '../errors.js';
import type { Mode } from '../inventory/inventory.js';
import { nearName } from '../inventory/near-name.js';
import type { End } from '../plan/plan.js';
import { type CompiledTemplate, compileTemplate } from './compile-template.js';

/** One template for the hub's end and one for each mode of a spoke's. */
export const TEMPLATE_NAMES = ['hub', 'gateway', 'policy'] as const;
export type TemplateName = (typeof TEMPLATE_NAMES)[number];

/** Who reads the file: each has a set of templates of its own (docs/ifupdown.md says why). */
export type Ifupdown = 'ifupdown' | 'ifupdown2';

export interface Template extends CompiledTemplate {
  /** From the inventory's `templates:` directory. */
  readonly isCustom: boolean;
}

export interface Templates {
  readonly byName: Readonly<Record<TemplateName, Template>>;
  /** What a custom template makes of the kernel cannot be foretold, so verification asks less of it. */
  readonly isCustom: (end: End, mode: Mode) => boolean;
}

/** `templates/` of the package: two levels up from here, in `src/` as in `dist/`. */
const BUILT_IN = fileURLToPath(new URL('../../templates', import.meta.url));

/** The template that renders an end. */
export const templateName = (end: End, mode: Mode): TemplateName => (end === 'hub' ? 'hub' : mode);

export type TemplateSets = Readonly<Record<Ifupdown, Templates>>;

/**
 * The built-in templates, each replaced by the file of the same name in `directory` (the inventory's `templates:`) when there is
 * one; ifupdown2's are in a directory `ifupdown2` of either. Throws `inventory` when the directory or a file cannot be read, holds a
 * template of an unknown name, or has an error.
 */
export const loadTemplates = (directory: string | undefined): TemplateSets => ({
  ifupdown: loadSet(BUILT_IN, directory),
  ifupdown2: loadSet(join(BUILT_IN, 'ifupdown2'), within(directory, 'ifupdown2')),
});

/** Undefined when it is not there: nobody has to override the templates of an ifupdown that no host of the fleet has. */
function within(directory: string | undefined, name: string): string | undefined {
  if (directory === undefined) return undefined;
  const path = join(directory, name);
  return existsSync(path) ? path : undefined;
}

function loadSet(builtIn: string, directory: string | undefined): Templates {
  const overrides = directory === undefined ? new Set<string>() : listOverrides(directory);
  const load = (name: TemplateName): Template => {
    const isCustom = directory !== undefined && overrides.has(`${name}.liquid`);
    const file = join(isCustom ? directory : builtIn, `${name}.liquid`);
    return { ...compileTemplate(file, readTemplate(file)), isCustom };
  };
  const byName = { hub: load('hub'), gateway: load('gateway'), policy: load('policy') };
  return { byName, isCustom: (end, mode) => byName[templateName(end, mode)].isCustom };
}

function listOverrides(directory: string): ReadonlySet<string> {
  const known = TEMPLATE_NAMES.map((name) => `${name}.liquid`);
  const names = orUnreadable(directory, () => readdirSync(directory)).filter(
    (name) => name.endsWith('.liquid') || isMisnamed(name, known),
  );
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearName(name, known);
    throw new VxfleetError('inventory', `${join(directory, name)}: no template has this name`, {
      hint: near === undefined ? `The templates are ${known.join(', ')}.` : `Did you mean ${near}?`,
    });
  }
  return new Set(names);
}

/** As `hub.liqiud` or `hub.liquid.txt`, but no copy that an editor or a package manager keeps. */
const isMisnamed = (name: string, known: readonly string[]): boolean =>
  !/^[.#]|[~#]$|\.(?:bak|orig|old|save|sw[a-z]|dpkg-\w+|rej)$/.test(name) && nearName(name, known) !== undefined;

/** Bytes; compileTemplate has a limit in characters. */
const LARGEST = 1024 * 1024;

/** Nothing is read of what may have no end: to open a pipe waits for a writer, unless it is opened so. */
const readTemplate = (file: string): string =>
  orUnreadable(file, () => {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = fstatSync(descriptor);
      if (info.isDirectory()) throw new Error('it is a directory');
      if (!info.isFile()) throw new Error('it is no file, but a pipe or a device');
      if (info.size > LARGEST) throw new Error(`it has more than ${LARGEST} bytes`);
      return readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  });

function orUnreadable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new VxfleetError('inventory', `${path}: cannot be read: ${reason}`, {
      hint: '`templates:` names a directory, relative to the inventory.',
      cause: error,
    });
  }
}
