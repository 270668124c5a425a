/** What was measured, as kept in a JSON file between runs. Every time is in ms, every size in KiB unless its name says otherwise. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

/** What passed between the controller and one spoke, counted at the socket. */
export interface Wire {
  readonly connections: number;
  /** TCP's handshake is one. */
  readonly roundTrips: number;
  readonly toHostBytes: number;
  readonly fromHostBytes: number;
}

/** One run of one program. */
export interface Sample {
  readonly wallMs: number;
  /** Of the program and everything that it started on the controller. */
  readonly userMs: number;
  readonly systemMs: number;
  /** Most that all its processes had at one time: the sum of their PSS. */
  readonly pssPeakKiB: number;
  /** Most that a single one of them had resident (VmHWM). */
  readonly residentPeakKiB: number;
  readonly exitCode: number;
  /** Of the spoke behind the relay; absent where nothing was counted. */
  readonly wire?: Wire;
  /** Processes and threads started on a host, by its name. */
  readonly processes?: Readonly<Record<string, number>>;
  /** The most that one process on the hub had resident, sshd's aside. */
  readonly hubPeakKiB?: number;
}

/** How a redeploy looked to those who use the tunnels. */
export interface Outage {
  readonly wallMs: number;
  /** Longest run of lost pings of each redeployed tunnel that was pinged. */
  readonly redeployedMs: readonly number[];
  /** Pings sent through, and lost on, all other tunnels. */
  readonly othersSent: number;
  readonly othersLost: number;
  /** What the pinging took itself, and how long it was at most behind its time. */
  readonly pingerCpuMs: number;
  readonly pingerLateMs: number;
  /** All pings, and those for which the machine had no time: with many, outages are longer than they look. */
  readonly pingsSent: number;
  readonly pingsSkipped: number;
}

/** One host whose sshd was stopped. */
export interface Hang {
  /** When the last of the other tunnels was done, with every host alive and with one stopped; and the whole run then. */
  readonly othersAliveMs: number;
  readonly othersHungMs: number;
  readonly wallMs: number;
  /** What became of the tunnel of the stopped host, and the time limit that it had (for the SSH handshake). */
  readonly status: string;
  readonly deadlineMs: number;
}

/** A fleet of one size. */
export interface FleetResult {
  readonly spokes: number;
  /** By contestant and scenario: `vxfleet first deploy`. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
  /** By kind: `one end`, `both ends`, … */
  readonly outages: Readonly<Record<string, readonly Outage[]>>;
  readonly hang?: Hang;
}

/** One way to run Ansible, tried once. */
export interface TuningResult {
  readonly spokes: number;
  readonly name: string;
  readonly forks: number;
  /** Absent when it failed. */
  readonly firstMs?: number;
  readonly nothingMs?: number;
}

/** Planning and rendering a fleet of a /32. */
export interface ScaleResult {
  readonly spokes: number;
  readonly planMs: number;
  readonly renderMs: number;
  /** The modules alone, in a program of their own. */
  readonly modules: Sample;
  /** `vxfleet render --output json`, from the inventory's YAML to the text. */
  readonly command: Sample;
}

export interface Results {
  /** Of the last run that wrote something. */
  readonly machine: string;
  readonly versions: string;
  readonly tuning: readonly TuningResult[];
  readonly fleets: readonly FleetResult[];
  readonly scale: readonly ScaleResult[];
}

/** The results that are kept with the source; `--write` adds to them. */
export const KEPT_RESULTS = fileURLToPath(new URL('results.json', import.meta.url));

const NO_RESULTS: Results = { machine: '', versions: '', tuning: [], fleets: [], scale: [] };

export async function readResults(path: string): Promise<Results> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? NO_RESULTS : (JSON.parse(text) as Results);
}

/** Formatted like every other file of the repository. */
export async function writeResults(path: string, results: Results): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const options = await resolveConfig(KEPT_RESULTS);
  await writeFile(path, await format(JSON.stringify(results), { ...options, filepath: path }));
}

/** What was measured anew replaces what was there under the same name. Pure. */
export function mergeFleet(results: Results, fleet: FleetResult): Results {
  const before = results.fleets.find(({ spokes }) => spokes === fleet.spokes);
  const merged: FleetResult = {
    ...before,
    ...fleet,
    samples: { ...before?.samples, ...fleet.samples },
    outages: { ...before?.outages, ...fleet.outages },
  };
  const others = results.fleets.filter(({ spokes }) => spokes !== fleet.spokes);
  return { ...results, fleets: [...others, merged].sort((a, b) => a.spokes - b.spokes) };
}
