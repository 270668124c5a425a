import type { Command } from 'commander';
import { Brakes } from '../deploy/brakes.js';
import { describeOrphan, findOrphans } from '../deploy/orphans.js';
import { asPlanned, runFleet, type Planned } from '../deploy/run-fleet.js';
import { verifyTunnel } from '../deploy/verify-tunnel.js';
import { addRunOptions, type HostOptions } from './common-options.js';
import type { TunnelResult } from '../events.js';
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
  return await runCommand(limits, options, settings, async ({ fleet, access, hub, emit, signal }) => {
    for (const orphan of findOrphans(hub.facts, access.fleet))
      emit({ event: 'notice', level: 'warning', message: describeOrphan(orphan) });
    const verifyOne = async ({ plan }: Planned): Promise<TunnelResult> =>
      verifyTunnel(access, hub, plan, { verifySeconds: options.verifyTimeout, emit });
    // Nothing is touched: it only stops for an interrupt.
    const brakes = new Brakes({ canary: 0, maxFail: Number.POSITIVE_INFINITY, signal, emit });
    const run = { forks: options.forks, brakes, emit };
    return { total: fleet.tunnels.length, work: async () => runFleet(asPlanned(fleet.tunnels), verifyOne, run) };
  });
}
