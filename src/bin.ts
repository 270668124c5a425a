#!/usr/bin/env node
import { createProgram } from './cli.js';
import { compileLate } from './compile-late.js';
import { watchOutput } from './watch-output.js';

const output = watchOutput(process.stdout, process.stderr);
compileLate();
const program = await createProgram(async (exitCode) => {
  process.exitCode = await exitCode;
}, process.argv[2]);

try {
  await program.parseAsync();
} catch (thrown) {
  const { tellError } = await import('./commands/tell-error.js');
  process.exitCode = tellError(thrown, process.argv.slice(2));
}
process.exitCode = await output.exitCode(Number(process.exitCode ?? 0));
