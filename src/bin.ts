#!/usr/bin/env node
import { CommanderError } from 'commander';
import { createProgram } from './cli.js';
import { useColor } from './commands/common-options.js';
import { compileLate } from './compile-late.js';
import { errorExitCode, toVxfleetError, type VxfleetError } from './errors.js';
import { formatProblems } from './inventory/format-problems.js';
import { InventoryError } from './inventory/inventory-error.js';
import { printable } from './report/printable.js';
import { watchOutput } from './watch-output.js';

const output = watchOutput(process.stdout, process.stderr);
compileLate();
const program = await createProgram(async (exitCode) => {
  process.exitCode = await exitCode;
}, process.argv[2]);

try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = thrown instanceof CommanderError ? commanderExit(thrown) : report(thrown);
}
process.exitCode = await output.exitCode(Number(process.exitCode ?? 0));

/** commander has printed its message already. Help and version are no errors. */
function commanderExit(error: CommanderError): number {
  return error.exitCode === 0 ? 0 : 2;
}

function report(thrown: unknown): number {
  const error = toVxfleetError(thrown);
  process.stderr.write(error instanceof InventoryError ? describeProblems(error) : describe(error));
  return errorExitCode(error.code);
}

function describeProblems({ problems }: InventoryError): string {
  return formatProblems(problems, { color: useColor({ color: !process.argv.includes('--no-color') }, process.stderr) });
}

/** A host's own words may be among them. */
function describe({ code, message, hint, cause }: VxfleetError): string {
  const lines = [`vxfleet: ${printable(message)}`];
  if (hint !== undefined) lines.push(`  ${printable(hint)}`);
  if (code === 'internal') lines.push('  This is a bug of vxfleet.');
  if (code === 'internal' && cause instanceof Error) lines.push(cause.stack ?? '');
  return `${lines.join('\n')}\n`;
}
