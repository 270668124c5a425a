import type { Command } from 'commander';
import { formatPlanTable, planToJson } from '../plan/plan-table.js';
import { addCommonOptions, type CommonOptions } from './common-options.js';
import { examples, LIMIT_HELP } from './help-text.js';
import { loadFleet, PROBLEMS_SHOWN } from './load-fleet.js';
import type { Finish } from './finish.js';

export function addInventoryCommand(program: Command, finish: Finish): void {
  const command = program.command('inventory').description('Print the address plan of the fleet as a table.');
  addCommonOptions(command.argument('[limit...]', LIMIT_HELP))
    .addHelpText('after', examples('vxfleet inventory', 'vxfleet inventory @kansai --output json'))
    .action((limits: string[], options: CommonOptions) => finish(showInventory(limits, options)));
}

async function showInventory(limits: readonly string[], options: CommonOptions): Promise<number> {
  const fleet = await loadFleet(options, limits);
  if (fleet === PROBLEMS_SHOWN) return 2;
  const text =
    options.output === 'json'
      ? `${JSON.stringify(planToJson(fleet.plan, fleet.tunnels), null, 2)}\n`
      : formatPlanTable(fleet.tunnels);
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  return 0;
}
