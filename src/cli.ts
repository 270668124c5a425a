/** The command line: every command with its options. Only the entry file decides what becomes of an exit code. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addDeployCommand, addDiffCommand } from './commands/deploy-command.js';
import type { Finish } from './commands/finish.js';
import { examples } from './commands/help-text.js';
import { addHistoryCommand } from './commands/history-command.js';
import { addInventoryCommand } from './commands/inventory-command.js';
import { addLabCommand } from './commands/lab-command.js';
import { addRenderCommand } from './commands/render-command.js';
import { addRollbackCommand } from './commands/rollback-command.js';
import { addVerifyCommand } from './commands/verify-command.js';

export function createProgram(finish: Finish): Command {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  const program = new Command('vxfleet')
    .description('Hand an IPv6 prefix out to sites: one hub, a VXLAN tunnel to each spoke, proven or undone.')
    .version(manifest.version)
    .showSuggestionAfterError()
    .showHelpAfterError('(vxfleet --help says more)')
    .addHelpText(
      'after',
      `${examples('vxfleet diff', 'vxfleet deploy tokyo')}

Exit codes: 0 done; 1 some tunnels failed and are safe; 2 usage or inventory; 3 some end could not be proven;
4 differences (--exit-code); 130 interrupted, unwound first.`,
    )
    .exitOverride();
  for (const add of COMMANDS) add(program, finish);
  return program;
}

const COMMANDS = [
  addInventoryCommand,
  addRenderCommand,
  addDiffCommand,
  addDeployCommand,
  addRollbackCommand,
  addVerifyCommand,
  addHistoryCommand,
  addLabCommand,
] as const;
