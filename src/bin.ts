#!/usr/bin/env node
import { createProgram } from './cli.js';
import { compileLate } from './compile-late.js';
import { BUG_EXIT_CODE } from './errors.js';
import { watchCrashes } from './watch-crashes.js';
import { watchOutput } from './watch-output.js';

const output = watchOutput(process.stdout, process.stderr);
const tell = async (thrown: unknown): Promise<number> =>
  (await import('./commands/tell-error.js')).tellError(thrown, process.argv.slice(2));
watchCrashes(process, async (error) => {
  try {
    process.exit(await tell(error));
  } catch {
    process.exit(BUG_EXIT_CODE);
  }
});
compileLate();
const program = await createProgram(async (exitCode) => {
  process.exitCode = await exitCode;
}, process.argv[2]);

try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = await tell(thrown);
}
process.exitCode = await output.exitCode(Number(process.exitCode ?? 0));
