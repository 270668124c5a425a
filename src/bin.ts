#!/usr/bin/env node
import { CommanderError } from 'commander';
import { createProgram } from './cli.js';
import { compileLate } from './compile-late.js';
import { toVxfleetError, type ErrorCode } from './errors.js';
import { printable } from './report/printable.js';

/** What a command that threw ends with; results of tunnels have exit codes of their own. */
const EXIT_CODES: Partial<Record<ErrorCode, number>> = { usage: 2, inventory: 2 };

// Whoever reads our output may leave (`| head`, a closed terminal). What is under way is finished all the same: a deploy must not die of a closed pipe.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

compileLate();
const program = await createProgram(async (exitCode) => {
  process.exitCode = await exitCode;
}, process.argv[2]);

try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = thrown instanceof CommanderError ? commanderExit(thrown) : report(thrown);
}

/** commander has printed its message already. Help and version are no errors. */
function commanderExit(error: CommanderError): number {
  return error.exitCode === 0 ? 0 : 2;
}

function report(thrown: unknown): number {
  const error = toVxfleetError(thrown);
  // A host's own words may be among them.
  process.stderr.write(`vxfleet: ${printable(error.message)}\n`);
  if (error.hint !== undefined) process.stderr.write(`  ${printable(error.hint)}\n`);
  if (error.code === 'internal') {
    process.stderr.write('  This is a bug of vxfleet.\n');
    if (error.cause instanceof Error) process.stderr.write(`${error.cause.stack ?? ''}\n`);
  }
  return EXIT_CODES[error.code] ?? 1;
}
