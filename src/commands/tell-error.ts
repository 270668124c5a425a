/**
 * What ends a command as a whole, whichever command and whoever found it: told to people on stderr and, with `--output json`, as an `error` event
 * with a recap after it on stdout, where who reads JSON is promised one.
 */
import { CommanderError } from 'commander';
import { errorExitCode, toVxfleetError, VxfleetError } from '../errors.js';
import type { EndedRecap, ErrorEvent } from '../events.js';
import { formatProblems } from '../inventory/format-problems.js';
import { InventoryError } from '../inventory/inventory-error.js';
import { wrapToWidth } from '../report/fit-width.js';
import { jsonLine } from '../report/json-reporter.js';
import { widthOf } from '../report/output-stream.js';
import { printable } from '../printable.js';
import { endedRecap } from '../report/recap.js';
import { useColor } from './common-options.js';
import { thisRun } from './run-identity.js';

/**
 * @param argv the command line without the program's name; of a mistake in it nothing is known but its words
 * @returns the exit code
 */
export function tellError(thrown: unknown, argv: readonly string[]): number {
  const isCommanders = thrown instanceof CommanderError;
  // It has shown help or the version, which are no errors.
  if (isCommanders && thrown.exitCode === 0) return 0;
  const error = isCommanders ? usageError(thrown) : toVxfleetError(thrown);
  // commander has told what it found.
  if (!isCommanders) process.stderr.write(describe(error, argv));
  if (wantsJson(argv)) {
    const recap = endedRecap(thisRun().run, argv[0] ?? null, performance.now(), errorExitCode(error.code));
    process.stdout.write(errorLines(error, recap));
  }
  return errorExitCode(error.code);
}

/** Whatever stands behind `lab` is another command's. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = argv[0] === 'lab' ? [] : argv.slice(0, end < 0 ? argv.length : end);
  return own.includes('--output=json') || own.some((word, index) => word === 'json' && own[index - 1] === '--output');
}

/** Its message is `error: WHAT`, and on a line of its own `(Did you mean NAME?)`. */
export function usageError({ message }: CommanderError): VxfleetError {
  const [what = '', near] = message.replace(/^error: /, '').split('\n');
  return new VxfleetError('usage', what, { hint: near?.replace(/^\((.*)\)$/, '$1') });
}

export const errorLines = (error: VxfleetError, recap: EndedRecap): string =>
  [errorEvent(error), recap].map((event) => `${jsonLine(event)}\n`).join('');

function errorEvent(error: VxfleetError): ErrorEvent {
  const { code, message, hint = null } = error;
  const problems = error instanceof InventoryError ? error.problems : [];
  return {
    event: 'error',
    code,
    message,
    hint,
    problems: problems.map(({ file, line, column, message: text, fix = null }) => ({
      file,
      line,
      column,
      message: text,
      fix,
    })),
  };
}

/** A host's own words may be among them. */
function describe(error: VxfleetError, argv: readonly string[]): string {
  const width = widthOf(process.stderr);
  if (error instanceof InventoryError) {
    return formatProblems(error.problems, {
      color: useColor({ color: !argv.includes('--no-color') }, process.stderr),
      width,
      wrap: wrapToWidth,
    });
  }
  const { code, message, hint, cause } = error;
  const stack = code === 'internal' && cause instanceof Error ? (cause.stack ?? '') : '';
  const details = [hint ?? '', ...(code === 'internal' ? ['This is a bug of vxfleet.'] : []), stack];
  // Whatever has more than one line, only we begin one at the margin.
  const [first = '', ...rest] = printable(message).split('\n');
  return [
    `vxfleet: ${first}`,
    ...[...rest, ...details.flatMap((text) => printable(text).split('\n'))].flatMap(indented),
  ]
    .flatMap((line) => wrapToWidth(line, width))
    .map((line) => `${line}\n`)
    .join('');
}

const indented = (line: string): string[] => (line === '' ? [] : [`  ${line}`]);
