import type { Command } from 'commander';
import { ENDS } from '../plan/plan.js';
import { loadTemplates } from '../render/load-templates.js';
import { renderFleet } from '../render/render-fleet.js';
import { STOCK_MTU } from '../render/render-tunnel.js';
import { addCommonOptions, GROUPS, type CommonOptions } from './common-options.js';
import { examples, LIMIT_HELP } from './help-text.js';
import { loadFleet } from './load-fleet.js';
import type { Finish } from './finish.js';

export function addRenderCommand(program: Command, finish: Finish): void {
  const command = program
    .command('render')
    .description(
      'Print the interfaces files as they would be on each host; where the inventory sets no MTU, for underlay devices of 1500 bytes.',
    );
  command
    .argument('[limit...]', LIMIT_HELP)
    .optionsGroup(GROUPS.what)
    .option('--ifupdown2', 'for hosts that have ifupdown2');
  addCommonOptions(command)
    .addHelpText('after', examples('vxfleet render tokyo', 'vxfleet render hub --output json'))
    .action((limits: string[], options: RenderOptions) => finish(showFiles(limits, options)));
}

interface RenderOptions extends CommonOptions {
  readonly ifupdown2?: boolean;
}

async function showFiles(limits: readonly string[], options: RenderOptions): Promise<number> {
  const fleet = await loadFleet(options, limits);
  const files = renderFleet(fleet.tunnels, loadTemplates(fleet.inventory.templates));
  const ifupdown = options.ifupdown2 === true ? 'ifupdown2' : 'ifupdown';
  const shown = fleet.tunnels.flatMap((tunnel) =>
    ENDS.filter((end) => end === 'hub' || fleet.ends === 'both').map((end) => ({
      host: end === 'hub' ? 'hub' : tunnel.spoke,
      path: `/etc/network/interfaces.d/${tunnel.interface}`,
      // Where the inventory sets no MTU, the host's device says it.
      text: files.of(tunnel, end, { ifupdown, mtu: tunnel.mtu ?? STOCK_MTU }).text,
    })),
  );
  const text =
    options.output === 'json'
      ? shown.map((file) => `${JSON.stringify(file)}\n`)
      : shown.map(({ host, path, text: content }) => `==> ${host}:${path} <==\n${content}\n`);
  process.stdout.write(text.join(''));
  return 0;
}
