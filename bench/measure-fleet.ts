/** Everything that is measured on a fleet of one size. */
import { ansibleContestant } from './ansible-contestant.js';
import { runScenario, type Contestant } from './contestant.js';
import type { Fleet } from './fleet.js';
import { floorBefore, floorContestant, STANZAS_BEFORE } from './floor-contestant.js';
import { measureDelay } from './measure-delay.js';
import { measureHang } from './measure-hang.js';
import { measureLiveView } from './measure-live-view.js';
import { measureOutages, measureRedeploys } from './measure-redeploys.js';
import type { BenchOptions, Part } from './options.js';
import { renderFiles } from './rendered-files.js';
import type { FleetResult } from './results.js';
import { runRounds } from './run-rounds.js';
import { vxfleet, vxfleetContestant } from './vxfleet-contestant.js';

type Measurement = Partial<Omit<FleetResult, 'spokes'>>;

/**
 * Hands on what each part has found as soon as it is over.
 * @returns the parts that failed; they hand on nothing
 */
export async function measureFleet(
  fleet: Fleet,
  { parts, rounds }: Pick<BenchOptions, 'parts' | 'rounds'>,
  ansibleForks: number,
  onResult: (result: FleetResult) => Promise<void>,
): Promise<string[]> {
  const inventory = await fleet.writeInventory('inventory');
  const failed: string[] = [];
  const handOn = async (name: string, measure: () => Promise<Measurement>): Promise<void> => {
    try {
      await onResult({ spokes: fleet.spokes.length, samples: {}, outages: {}, ...(await measure()) });
    } catch (error) {
      failed.push(`${name} at ${fleet.spokes.length} spokes: ${String(error)}`);
    }
  };

  const contestants = await chooseContestants(fleet, inventory, parts, ansibleForks);
  if (contestants.length > 0)
    await handOn('rounds', async () => ({ samples: await runRounds(fleet, contestants, rounds) }));
  const onDeployed: readonly [Part, () => Promise<Measurement>][] = [
    ['redeploy', async () => ({ samples: await measureRedeploys(fleet, inventory, rounds) })],
    ['redeploy', async () => ({ outages: await measureOutages(fleet, inventory, rounds) })],
    ['delay', async () => ({ samples: await measureDelay(fleet, rounds) })],
    ['hang', async () => ({ hang: await measureHang(fleet, inventory) })],
    ['live', async () => ({ samples: await measureLiveView(fleet, inventory) })],
  ];
  const asked = onDeployed.filter(([part]) => parts.has(part));
  if (asked.length === 0) return failed;
  await fleet.reset();
  const setup = { name: 'deploy', argv: vxfleet('deploy', '-i', inventory) };
  await runScenario(fleet, 'setup', setup, { counts: false });
  for (const [part, measure] of asked) await handOn(part, measure);
  return failed;
}

async function chooseContestants(
  fleet: Fleet,
  inventory: string,
  parts: ReadonlySet<Part>,
  ansibleForks: number,
): Promise<Contestant[]> {
  const files = await renderFiles(inventory);
  const before = await fleet.writeInventory('stanzas-before', {}, { templates: STANZAS_BEFORE });
  return [
    ...(parts.has('vxfleet') ? [vxfleetContestant(inventory)] : []),
    ...(parts.has('ansible') ? [await ansibleContestant(fleet, files, { forks: ansibleForks })] : []),
    ...(parts.has('floor')
      ? [await floorContestant(fleet, files), await floorBefore(fleet, await renderFiles(before))]
      : []),
  ];
}
