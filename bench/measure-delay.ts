/** One spoke at the other end of the world: 200 ms there and back. */
import { runScenario, type Scenario } from './contestant.js';
import type { Fleet } from './fleet.js';
import { connectThrough } from './floor-contestant.js';
import { DELAYING_PORT } from './relays.js';
import { sampleKey, type Samples } from './run-rounds.js';
import { vxfleet } from './vxfleet-contestant.js';

export const FAR_ALONE = 'far spoke alone, nothing to change';
export const FAR_CHANGED = 'far spoke alone, changed';
export const FAR_IN_FLEET = 'fleet with a far spoke, nothing to change';
/** The floor: what ssh2 and sshd need among themselves. */
export const FAR_CONNECT = 'far spoke alone, connect only';

/** With a delay, what does not wait for an answer does not count as a round trip either: so they are counted here. */
export async function measureDelay(fleet: Fleet, rounds: number): Promise<Samples> {
  const { name } = fleet.relayed;
  const far = await fleet.writeInventory('far', {}, { port: DELAYING_PORT });
  const changed = await fleet.writeInventory('far-changed', { [name]: { mtu: 1400 } }, { port: DELAYING_PORT });
  const scenarios: (Scenario & { readonly who: string })[] = [
    { who: 'vxfleet', name: FAR_ALONE, argv: vxfleet('deploy', name, '-i', far) },
    { who: 'vxfleet', name: FAR_IN_FLEET, argv: vxfleet('deploy', '-i', far) },
    { who: 'vxfleet', name: FAR_CHANGED, argv: vxfleet('deploy', name, '-i', changed) },
    { who: 'floor', name: FAR_CONNECT, argv: await connectThrough(fleet, DELAYING_PORT) },
  ];
  const back: Scenario = { name: 'back', argv: vxfleet('deploy', name, '-i', far) };
  const samples: Samples = {};
  for (let round = 0; round < rounds; round++) {
    for (const scenario of scenarios) {
      const key = sampleKey(scenario.who, scenario.name);
      samples[key] = [...(samples[key] ?? []), await runScenario(fleet, scenario.who, scenario)];
    }
    await runScenario(fleet, 'setup', back, { counts: false });
  }
  return samples;
}
