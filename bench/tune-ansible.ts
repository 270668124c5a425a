/** Which of Ansible's settings are best for it here: each is tried once. */
import { ansibleContestant, type AnsibleOptions } from './ansible-contestant.js';
import { runScenario, type Scenario } from './contestant.js';
import type { Fleet } from './fleet.js';
import { renderFiles } from './rendered-files.js';
import type { TuningResult } from './results.js';

/** Spokes: as many as the most forks. */
export const TUNED_AT = 64;
/** Before anything was tried. */
const DEFAULT_FORKS = 32;

const CANDIDATES: readonly AnsibleOptions[] = [
  { forks: 16 },
  { forks: 32 },
  { forks: 64 },
  { forks: 32, strategy: 'mitogen_linear' },
];

export async function tuneAnsible(fleet: Fleet): Promise<TuningResult[]> {
  const files = await renderFiles(await fleet.writeInventory('tuning'));
  const results: TuningResult[] = [];
  for (const candidate of CANDIDATES) {
    await fleet.reset();
    const { name, scenarios } = await ansibleContestant(fleet, files, candidate);
    const walls = await runAll(fleet, `${name} ${candidate.forks}`, scenarios);
    const times = walls === undefined ? {} : { firstMs: walls[0] ?? 0, nothingMs: walls[1] ?? 0 };
    results.push({ spokes: fleet.spokes.length, name, forks: candidate.forks, ...times });
  }
  await fleet.reset();
  return results;
}

/** Undefined when one fails: Mitogen is picky about the version of Ansible. */
async function runAll(fleet: Fleet, who: string, scenarios: readonly Scenario[]): Promise<number[] | undefined> {
  const walls: number[] = [];
  try {
    for (const scenario of scenarios) walls.push((await runScenario(fleet, who, scenario, { counts: false })).wallMs);
    return walls;
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
    return undefined;
  }
}

/** By the sum of both; plain Ansible only. */
export function bestForks(tuning: readonly TuningResult[]): number {
  const plain = tuning.filter(({ name }) => name === 'ansible');
  const total = ({ firstMs = Number.POSITIVE_INFINITY, nothingMs = 0 }: TuningResult): number => firstMs + nothingMs;
  return [...plain].sort((a, b) => total(a) - total(b))[0]?.forks ?? DEFAULT_FORKS;
}
