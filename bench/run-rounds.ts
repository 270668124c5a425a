/** The contestants side by side: in each round each in turn, from hosts without a tunnel. */
import { FIRST, runScenario, type Contestant } from './contestant.js';
import type { Fleet } from './fleet.js';
import type { Sample } from './results.js';

export type Samples = Record<string, readonly Sample[]>;

export const sampleKey = (contestant: string, scenario: string): string => `${contestant} ${scenario}`;

/** @returns the samples by sampleKey, in the order of the rounds */
export async function runRounds(fleet: Fleet, contestants: readonly Contestant[], rounds: number): Promise<Samples> {
  const samples: Samples = {};
  for (let round = 0; round < rounds; round++) {
    // Everybody is first in turn: what grows warm or tired with time does so for all.
    const turn = round % Math.max(1, contestants.length);
    for (const { name, scenarios } of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      await fleet.reset();
      for (const scenario of scenarios) {
        const sample = await runScenario(fleet, name, scenario);
        if (scenario.name === FIRST) await fleet.checkTunnels(name);
        const key = sampleKey(name, scenario.name);
        samples[key] = [...(samples[key] ?? []), sample];
      }
    }
  }
  await fleet.reset();
  return samples;
}
