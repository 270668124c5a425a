/** Deploys of a fleet that is up: how long they take, and how they look to those who use the tunnels. */
import { setTimeout as sleep } from 'node:timers/promises';
import { runScenario, type Scenario } from './contestant.js';
import type { Fleet } from './fleet.js';
import type { SpokeChange } from './fleet-inventory.js';
import type { Outage } from './results.js';
import { sampleKey, type Samples } from './run-rounds.js';
import { vxfleet } from './vxfleet-contestant.js';

export const ONE_CHANGED = 'one spoke changed';
export const BY_NAME = 'deploy NAME, changed';

/** One spoke changes, the whole fleet is deployed; it changes back, and the spoke is deployed by its name. */
export async function measureRedeploys(fleet: Fleet, inventory: string, rounds: number): Promise<Samples> {
  const { name } = fleet.relayed;
  const changed = await fleet.writeInventory('one-changed', { [name]: { mtu: 1400 } });
  const there: Scenario = { name: ONE_CHANGED, argv: vxfleet('deploy', '-i', changed) };
  const back: Scenario = { name: BY_NAME, argv: vxfleet('deploy', name, '-i', inventory) };
  const samples: Samples = {};
  for (let round = 0; round < rounds; round++) {
    for (const scenario of [there, back]) {
      const key = sampleKey('vxfleet', scenario.name);
      samples[key] = [...(samples[key] ?? []), await runScenario(fleet, 'vxfleet', scenario)];
    }
  }
  return samples;
}

/** A change of one spoke, by the files that it concerns. */
const KINDS = {
  'one end': { metric: 600 },
  'both ends, MTU': { mtu: 1400 },
  'both ends, VNI': { vni: 5000 },
} satisfies Record<string, SpokeChange>;

/** The kind in which every tunnel changes. */
export const ALL_CHANGED = 'all at once, MTU';
export const OUTAGE_KINDS: readonly string[] = [...Object.keys(KINDS), ALL_CHANGED];

/** When every tunnel changes, that many of them are pinged: all of 255 would take half a core from what is measured. */
export const PINGED_OF_ALL = 64;
/** Between two pings of a tunnel, in ms. */
const PING_MS = 10;
/** Pings before and after a deploy, in ms. */
const MARGIN_MS = 500;
/** How long pings go on beside the deploy itself, in ms: both margins, and the pinger's own wait for the last answers. */
export const AROUND_MS = 2 * MARGIN_MS + 500;

/** Each change is made and taken back, and both are looked at. */
export async function measureOutages(
  fleet: Fleet,
  inventory: string,
  rounds: number,
): Promise<Record<string, Outage[]>> {
  const outages: Record<string, Outage[]> = {};
  const every = fleet.spokes.map((_, index) => index + 1);
  for (const [kind, change] of Object.entries(KINDS)) {
    const kindOutages: Outage[] = [];
    for (let round = 0; round < rounds; round++) {
      // Another spoke each time, in gateway mode: in policy mode a metric means nothing.
      const id = 1 + ((3 * round) % (fleet.spokes.length - 2));
      const changed = await fleet.writeInventory('changed', { [fleet.spokes[id - 1]?.name ?? '']: change });
      for (const target of [changed, inventory]) {
        kindOutages.push(await watchDeploy(fleet, kind, target, { pinged: every, redeployed: new Set([id]) }));
      }
    }
    outages[kind] = kindOutages;
  }
  const all = Object.fromEntries(fleet.spokes.map(({ name }) => [name, { mtu: 1400 }]));
  const changed = await fleet.writeInventory('all-changed', all);
  const step = Math.max(1, Math.ceil(every.length / PINGED_OF_ALL));
  const pinged = every.filter((id) => id % step === 0);
  const allOutages: Outage[] = [];
  for (const target of [changed, inventory]) {
    allOutages.push(await watchDeploy(fleet, ALL_CHANGED, target, { pinged, redeployed: new Set(every) }));
  }
  return { ...outages, [ALL_CHANGED]: allOutages };
}

interface Watched {
  readonly pinged: readonly number[];
  readonly redeployed: ReadonlySet<number>;
}

async function watchDeploy(
  fleet: Fleet,
  kind: string,
  inventory: string,
  { pinged, redeployed }: Watched,
): Promise<Outage> {
  // More than 64 tunnels every 10 ms would starve what is measured.
  const stop = await fleet.ping(pinged, PING_MS * Math.max(1, Math.ceil(pinged.length / PINGED_OF_ALL)));
  await sleep(MARGIN_MS);
  const scenario = { name: `pinged: ${kind}`, argv: vxfleet('deploy', '-i', inventory) };
  const { wallMs } = await runScenario(fleet, 'vxfleet', scenario, { counts: false });
  await sleep(MARGIN_MS);
  const { targets, userMs, systemMs, latestMs, skipped } = await stop();
  const others = targets.filter((_, index) => !redeployed.has(pinged[index] ?? 0));
  const sum = (key: 'sent' | 'lost'): number => others.reduce((total, target) => total + target[key], 0);
  return {
    wallMs,
    redeployedMs: targets.filter((_, index) => redeployed.has(pinged[index] ?? 0)).map(({ longestMs }) => longestMs),
    othersSent: sum('sent'),
    othersLost: sum('lost'),
    pingerCpuMs: userMs + systemMs,
    pingerLateMs: latestMs,
    pingsSent: targets.reduce((total, { sent }) => total + sent, 0),
    pingsSkipped: skipped,
  };
}
