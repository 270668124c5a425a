/** What the live view costs on a terminal of 120 columns and 40 lines, against lines on the same terminal. */
import { runScenario } from './contestant.js';
import type { Fleet } from './fleet.js';
import { sampleKey, type Samples } from './run-rounds.js';
import { vxfleet } from './vxfleet-contestant.js';

export const LIVE = 'deploy --force, live';
export const PLAIN = 'deploy --force, plain';

/** Each bounces the whole fleet, so it is done twice only. */
const TIMES = 2;

export async function measureLiveView(fleet: Fleet, inventory: string): Promise<Samples> {
  const samples: Samples = {};
  for (let time = 0; time < TIMES; time++) {
    for (const [name, output] of [
      [PLAIN, 'plain'],
      [LIVE, 'live'],
    ] as const) {
      const command = vxfleet('deploy', '--force', '--output', output, '-i', inventory);
      const onTerminal = `stty cols 120 rows 40; exec ${command.join(' ')}`;
      const argv = ['script', '--quiet', '--return', '--command', onTerminal, '/dev/null'];
      const key = sampleKey('vxfleet', name);
      const sample = await runScenario(fleet, 'vxfleet', { name, argv }, { counts: false });
      samples[key] = [...(samples[key] ?? []), sample];
    }
  }
  return samples;
}
