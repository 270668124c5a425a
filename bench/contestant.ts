/** Who takes part, and what each is asked to do. */
import type { Fleet, MeasureOptions } from './fleet.js';
import type { Sample } from './results.js';

/** A program that is run on the controller. */
export interface Scenario {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface Contestant {
  readonly name: string;
  /** In this order in each round, from hosts without a tunnel. */
  readonly scenarios: readonly Scenario[];
}

/** What everybody is asked to do. */
export const FIRST = 'first deploy';
export const NOTHING = 'nothing to change';
/** What the program costs before it does anything. */
export const START = '--version';

/**
 * Runs a scenario once.
 * @throws Error when it fails: a figure of a failure is none
 */
export async function runScenario(
  fleet: Fleet,
  who: string,
  { name, argv, env }: Scenario,
  options: MeasureOptions = {},
): Promise<Sample> {
  const { said, ...sample } = await fleet.measure(argv, { ...options, ...(env === undefined ? {} : { env }) });
  const seconds = (sample.wallMs / 1000).toFixed(2);
  const cpu = ((sample.userMs + sample.systemMs) / 1000).toFixed(2);
  const memory = Math.round(sample.pssPeakKiB / 1024);
  process.stdout.write(
    `${String(fleet.spokes.length).padStart(3)}  ${who.padEnd(13)} ${name.padEnd(42)} ${seconds.padStart(7)} s  CPU ${cpu.padStart(6)} s  ${memory} MiB\n`,
  );
  if (sample.exitCode !== 0) throw new Error(`${who}, ${name}: ended with ${sample.exitCode}\n${said}`);
  return sample;
}
