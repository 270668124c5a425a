import type { Command } from 'commander';
import { Brakes } from '../jobs/brakes.js';
import { describeOrphan, findOrphans } from '../jobs/orphans.js';
import { warn } from '../jobs/run.js';
import { asPlanned, runFleet } from '../jobs/run-fleet.js';
import { verifyTunnel } from '../jobs/verify-tunnel.js';
import { addRunOptions, type HostOptions } from './common-options.js';
import type { Finish } from './finish.js';
import { examples, LIMIT_HELP } from './help-text.js';
import { runCommand } from './run-command.js';

export function addVerifyCommand(program: Command, finish: Finish): void {
  const command = program.command('verify').description('Test the tunnels from both ends; changes nothing.');
  addRunOptions(command.argument('[limit...]', LIMIT_HELP))
    .addHelpText('after', examples('vxfleet verify', 'vxfleet verify tokyo --output json'))
    .action((limits: string[], options: HostOptions) => finish(verify(limits, options)));
}

async function verify(limits: readonly string[], options: HostOptions): Promise<number> {
  const settings = { command: 'verify', writes: false, windowSeconds: 60, exitCodeOnDifference: false } as const;
  return await runCommand(limits, options, settings, async (run) => {
    const { fleet, tunnels, hub, signal, emit } = run;
    for (const orphan of findOrphans(hub.facts, fleet)) warn(run, describeOrphan(orphan));
    // Nothing is touched: it only stops for an interrupt.
    const brakes = new Brakes({ canary: 0, maxFail: Number.POSITIVE_INFINITY, signal, emit });
    const pace = { forks: options.forks, brakes, emit };
    const work = async () => runFleet(asPlanned(tunnels), async ({ plan }) => verifyTunnel(run, plan), pace);
    return { tunnels, work };
  });
}
