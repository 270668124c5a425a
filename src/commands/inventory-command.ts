import type { Command } from 'commander';
import { formatPlanTable, planToJson } from '../plan/plan-table.js';
import { escapeJson, printable, printableLine } from '../printable.js';
import { widthOf } from '../report/output-stream.js';
import { formatSettings, settingsToJson } from '../ssh/describe-target.js';
import { addCommonOptions, addSshOptions, GROUPS, type CommonOptions, type SshOptions } from './common-options.js';
import { examples, LIMIT_HELP } from './help-text.js';
import { loadFleet, type LoadedFleet } from './load-fleet.js';
import type { Finish } from './finish.js';
import { makeResolver } from './open-transport.js';

interface InventoryOptions extends CommonOptions, SshOptions {
  readonly ssh?: true;
}

export function addInventoryCommand(program: Command, finish: Finish): void {
  const command = program.command('inventory').description('Print the address plan of the fleet as a table.');
  command
    .argument('[limit...]', LIMIT_HELP)
    .optionsGroup(GROUPS.what)
    .option('--ssh', 'print how each host is reached, and where it says so; all settings with -v; contacts nobody');
  addCommonOptions(addSshOptions(command))
    .addHelpText(
      'after',
      examples('vxfleet inventory', 'vxfleet inventory tokyo --ssh', 'vxfleet inventory @kansai --output json'),
    )
    .action((limits: string[], options: InventoryOptions) => finish(showInventory(limits, options)));
}

async function showInventory(limits: readonly string[], options: InventoryOptions): Promise<number> {
  const fleet = await loadFleet(options, limits);
  const text = options.ssh === true ? await describeHosts(fleet, options) : describePlan(fleet, options);
  process.stdout.write(`${text.trimEnd()}\n`);
  return 0;
}

const describePlan = ({ plan, tunnels }: LoadedFleet, options: CommonOptions): string =>
  options.output === 'json'
    ? escapeJson(JSON.stringify(planToJson(plan, tunnels), null, 2))
    : printable(formatPlanTable(tunnels, widthOf(process.stdout)));

/** The hub and the selected spokes. */
async function describeHosts({ plan, tunnels, ends }: LoadedFleet, options: InventoryOptions): Promise<string> {
  const resolver = makeResolver(options, (message) => {
    if (options.verbose === true) process.stderr.write(`trace: ${printableLine(message)}\n`);
  });
  const spokes = ends === 'hub' ? [] : tunnels.map(({ spoke, ssh }) => ({ name: spoke, ssh }));
  try {
    const hosts = await Promise.all(
      [{ name: 'hub', ssh: plan.hub.ssh }, ...spokes].map(async ({ name, ssh }) => ({
        name,
        target: await resolver.resolve(ssh),
      })),
    );
    return options.output === 'json'
      ? escapeJson(JSON.stringify({ hosts: hosts.map(({ name, target }) => settingsToJson(name, target)) }, null, 2))
      : printable(hosts.map(({ name, target }) => formatSettings(name, target, options.verbose === true)).join('\n'));
  } finally {
    await resolver.close();
  }
}
