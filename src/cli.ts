/** The command line: every command with its options. Only the entry file decides what becomes of an exit code. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Finish } from './commands/finish.js';
import { examples } from './commands/help-text.js';

/** @param word the first of the arguments: a command is loaded alone, for the version there is none, else all are, for the help and the near name */
export async function createProgram(finish: Finish, word: string | undefined): Promise<Command> {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  const program = new Command('vxfleet')
    .description('Hand an IPv6 prefix out to sites: one hub, a VXLAN tunnel to each spoke, proven or undone.')
    .version(manifest.version)
    .showSuggestionAfterError()
    // `lab run` and `lab exec` pass on what follows their command, which they could not if an option were taken wherever it stands.
    .enablePositionalOptions()
    .showHelpAfterError('(vxfleet --help says more)')
    .addHelpText(
      'after',
      `${examples('vxfleet diff', 'vxfleet deploy tokyo')}

Exit codes: 0 done; 1 some tunnels failed and are safe; 2 usage or inventory;
3 some end could not be proven; 4 differences (--exit-code); 70 a bug of vxfleet;
74 stdout could not be written; 130 interrupted, unwound first.`,
    )
    .exitOverride();
  for (const [, load] of commandsFor(word)) (await load())(program, finish);
  return program;
}

type Load = () => Promise<(program: Command, finish: Finish) => void>;

function commandsFor(word: string | undefined): readonly (readonly [name: string, load: Load])[] {
  if (word === '--version' || word === '-V') return [];
  const wanted = COMMANDS.filter(([name]) => name === word);
  return wanted.length > 0 ? wanted : COMMANDS;
}

/** In the order of the help. The modules of a command that is not asked for are not run. */
const COMMANDS: readonly (readonly [name: string, load: Load])[] = [
  ['inventory', async () => (await import('./commands/inventory-command.js')).addInventoryCommand],
  ['render', async () => (await import('./commands/render-command.js')).addRenderCommand],
  ['diff', async () => (await import('./commands/deploy-command.js')).addDiffCommand],
  ['deploy', async () => (await import('./commands/deploy-command.js')).addDeployCommand],
  ['rollback', async () => (await import('./commands/rollback-command.js')).addRollbackCommand],
  ['verify', async () => (await import('./commands/verify-command.js')).addVerifyCommand],
  ['history', async () => (await import('./commands/history-command.js')).addHistoryCommand],
  ['lab', async () => (await import('./commands/lab-command.js')).addLabCommand],
];
