/** Figures out of the results: medians over the rounds. Undefined: not measured. Pure. */
import { FIRST } from './contestant.js';
import type { FleetResult, Results, Sample, Wire } from './results.js';
import { sampleKey } from './run-rounds.js';
import { median } from './statistics.js';

/** The fleet of this size. */
export const fleetOf = (results: Results, spokes: number): FleetResult | undefined =>
  results.fleets.find((fleet) => fleet.spokes === spokes);

/** The median of one figure of a contestant's scenario. */
export function figureOf(
  fleet: FleetResult | undefined,
  contestant: string,
  scenario: string,
  read: (sample: Sample) => number,
): number | undefined {
  const samples = fleet?.samples[sampleKey(contestant, scenario)] ?? [];
  return samples.length === 0 ? undefined : median(samples.map(read));
}

export const wallOf = ({ wallMs }: Sample): number => wallMs;
export const cpuOf = ({ userMs, systemMs }: Sample): number => userMs + systemMs;
export const memoryOf = ({ pssPeakKiB, residentPeakKiB }: Sample): number => Math.max(pssPeakKiB, residentPeakKiB);
/** NaN where nothing was counted. */
export const wireOf =
  (key: keyof Wire) =>
  ({ wire }: Sample): number =>
    wire?.[key] ?? Number.NaN;

/** Processes and threads on the hub, or on the spoke in gateway mode that is looked at; NaN where nothing was counted. */
export const startedOf =
  (host: 'hub' | 'gateway') =>
  ({ processes = {} }: Sample): number => {
    const { hub, ...spokes } = processes;
    return (host === 'hub' ? hub : Object.values(spokes)[0]) ?? Number.NaN;
  };
export const hubPeakOf = ({ hubPeakKiB = Number.NaN }: Sample): number => hubPeakKiB;

/** Time for each tunnel of a first deploy, in ms. */
export function timeATunnel(fleet: FleetResult | undefined): number | undefined {
  const wall = figureOf(fleet, 'vxfleet', FIRST, wallOf);
  return fleet === undefined || wall === undefined ? undefined : wall / fleet.spokes;
}
