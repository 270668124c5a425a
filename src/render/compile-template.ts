import { Liquid, LiquidError, type Template as LiquidTemplate } from 'liquidjs';
import { VxfleetError } from '../errors.js';
import { nearName } from '../inventory/near-name.js';
import { templateError, type TemplatePosition } from './template-error.js';
import { type TemplateVariables, VARIABLE_NAMES } from './template-variables.js';

type VariableName = (typeof VARIABLE_NAMES)[number];

/** A parsed template whose every variable exists. */
export interface CompiledTemplate {
  /** As shown in errors. */
  readonly file: string;
  readonly source: string;
  /** Canonical text: no blank lines, no trailing blanks, one final newline. Throws `inventory`. */
  readonly render: (variables: TemplateVariables) => string;
}

/** Characters. Ours have three thousand. */
const LONGEST_TEMPLATE = 262_144;

/**
 * Without `templates` or a root, `include` and `render` of further files would read the working directory. Without a locale Liquid asks ICU for the
 * controller's, which takes 15 ms to load; it is used for dates alone. The limits are for a loop that does not end: milliseconds for one end of a tunnel,
 * which takes less than one, and characters and items that it makes on its way.
 */
const engine = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  templates: {},
  locale: 'en-US',
  parseLimit: LONGEST_TEMPLATE,
  renderLimit: 3000,
  memoryLimit: 10_000_000,
});

/** So many different shapes of one template are remembered; a fleet has a handful (one for each MTU). */
const REMEMBERED_SHAPES = 256;

/**
 * Parses a template and checks the variables it names, also those in branches that no tunnel takes. Throws `inventory` with the
 * place.
 *
 * Liquid takes 60 microseconds for a stanza, 8 s for both ends of a /32's 65,535 tunnels. So it renders each *shape* once: the
 * variables that the template only prints, `{{ name }}`, stand in the result as marks, which are then filled in for each tunnel.
 * All other variables (in an `if`, with a filter) are part of the shape. A template that does more with its own text than
 * branch and print has one shape for each tunnel: slower, never different.
 */
export function compileTemplate(file: string, source: string): CompiledTemplate {
  if (source.length > LONGEST_TEMPLATE) {
    throw new VxfleetError('inventory', `${file}: the template has more than ${LONGEST_TEMPLATE} characters`);
  }
  const parsed = withPlace(file, source, () => engine.parse(source, file));
  checkVariables(file, source, parsed);
  const printed = printedVariables(source);
  const shapes = new Map<string, Skeleton>();

  const render = (variables: TemplateVariables): string => {
    const key = shapeKey(variables, printed);
    let skeleton = shapes.get(key);
    if (skeleton === undefined) {
      const text = withPlace(file, source, () => engine.renderSync(parsed, withMarks(variables, printed)) as string);
      skeleton = toSkeleton(canonicalText(text));
      if (shapes.size >= REMEMBERED_SHAPES) shapes.clear();
      shapes.set(key, skeleton);
    }
    return fill(skeleton, variables);
  };
  return { file, source, render };
}

/** Literal text and the names of what stands between its pieces: one name fewer than pieces. */
interface Skeleton {
  readonly pieces: readonly string[];
  readonly names: readonly VariableName[];
}

/** Control characters that no template may contain enclose the mark of a variable, its index in VARIABLE_NAMES. */
const MARK = /\u0001(\d+)\u0002/;

function toSkeleton(text: string): Skeleton {
  const parts = text.split(MARK);
  const pieces = parts.filter((_, index) => index % 2 === 0);
  const names = parts.filter((_, index) => index % 2 === 1).map((part) => VARIABLE_NAMES[Number(part)]!);
  return { pieces, names };
}

function fill({ pieces, names }: Skeleton, variables: TemplateVariables): string {
  return names.reduce((text, name, index) => text + String(variables[name]) + pieces[index + 1], pieces[0] ?? '');
}

/** What is not set cannot be marked, since Liquid prints nothing for it; nor can a list, since how it prints that is its affair. */
const isMarked = (variables: TemplateVariables, printed: ReadonlySet<VariableName>, name: VariableName): boolean =>
  printed.has(name) && variables[name] !== null && typeof variables[name] !== 'object';

const shapeKey = (variables: TemplateVariables, printed: ReadonlySet<VariableName>): string =>
  VARIABLE_NAMES.map((name) => (isMarked(variables, printed, name) ? '' : String(variables[name]))).join('\n');

const withMarks = (variables: TemplateVariables, printed: ReadonlySet<VariableName>): object =>
  Object.fromEntries(
    VARIABLE_NAMES.map((name, index) => [
      name,
      isMarked(variables, printed, name) ? `\u0001${index}\u0002` : variables[name],
    ]),
  );

/** The variables that a template names in a bare `{{ name }}` and nowhere else. */
function printedVariables(source: string): ReadonlySet<VariableName> {
  const code = source
    .replace(/\{%-?\s*comment\s*-?%\}[^]*?\{%-?\s*endcomment\s*-?%\}/g, '')
    .replace(/\{%-?\s*#[^]*?%\}/g, '');
  const tagsAndFilters = [...code.replace(/\{\{-?\s*\w+\s*-?\}\}/g, '').matchAll(/\{[{%][^]*?[}%]\}/g)].join('\n');
  // Text that is caught by a tag can be filtered later, and a variable can be named by a computed string.
  if (/capture|\[/.test(tagsAndFilters)) return new Set();
  return new Set(VARIABLE_NAMES.filter((name) => !new RegExp(`\\b${name}\\b`).test(tagsAndFilters)));
}

/** Comments of a template leave blank lines behind; a stanza has none. */
function canonicalText(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd());
  return lines
    .filter((line) => line !== '')
    .map((line) => `${line}\n`)
    .join('');
}

function checkVariables(file: string, source: string, parsed: LiquidTemplate[]): void {
  const control = /[\u0000-\u0008\u000b-\u001f\u007f]/.exec(source);
  if (control !== null) {
    const before = source.slice(0, control.index).split('\n');
    const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    const message =
      control[0] === '\r' ? 'a carriage return: save the file with Unix line ends' : 'a control character';
    throw templateError(file, source, place, message);
  }
  const { globals } = engine.analyzeSync(parsed, { partials: false });
  for (const [name, [first]] of Object.entries(globals)) {
    if ((VARIABLE_NAMES as readonly string[]).includes(name)) continue;
    const place = { line: first?.location.row ?? 1, column: first?.location.col ?? 1 };
    const near = nearName(name, VARIABLE_NAMES);
    const hint = near === undefined ? 'docs/templates.md lists the variables.' : `Did you mean ${near}?`;
    throw templateError(file, source, place, `unknown variable: ${name}`, { hint });
  }
}

/** Liquid's errors say where they happened in three ways; ours say it in one. */
function withPlace<T>(file: string, source: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!LiquidError.is(error)) throw error;
    const [line = 1, column = 1] = error.token.getPosition();
    const place: TemplatePosition = { line, column };
    const message = error.message.split('\n')[0]!.replace(/(, file:.*?)?, line:\d+, col:\d+$/, '');
    throw templateError(file, source, place, message, { cause: error });
  }
}
