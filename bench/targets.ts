/** The numbers to reach, and whether they are. Pure. */
import { FIRST, NOTHING, START } from './contestant.js';
import { CONNECT, FLOOR_BEFORE } from './floor-contestant.js';
import { FAR_ALONE, FAR_CHANGED, FAR_CONNECT } from './measure-delay.js';
import { LIVE, PLAIN } from './measure-live-view.js';
import { ALL_CHANGED, OUTAGE_KINDS } from './measure-redeploys.js';
import {
  cpuOf,
  figureOf,
  fleetOf,
  hubPeakOf,
  memoryOf,
  startedOf,
  timeATunnel,
  wallOf,
  wireOf,
} from './read-results.js';
import type { FleetResult, Results, Sample } from './results.js';
import { percentile } from './statistics.js';

export interface TargetRow {
  readonly what: string;
  readonly target: string;
  /** With its unit; undefined: not measured. */
  readonly measured: string | undefined;
  readonly isMet: boolean;
  /** How many times the limit, or the limit how many times what was measured; undefined when met, or when that says nothing. */
  readonly missedBy: number | undefined;
}

/** What a row needs: a number to compare, its limit, how it reads. */
interface Rule {
  readonly what: string;
  readonly value: number | undefined;
  readonly limit: number;
  /** Whether the value must be at least the limit; at most otherwise. */
  readonly atLeast?: true;
  readonly show: (value: number) => string;
}

const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} times`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
const milliseconds = (ms: number): string => `${Math.round(ms)} ms`;
const mebibytes = (kib: number): string => `${Math.round(kib / 1024)} MiB`;
const kibibytes = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
const decimal = (value: number): string => value.toFixed(1);
const count = (value: number): string => String(Math.round(value));

/** How late the others may be with one host hung, in ms: what two runs of the same differ by on a busy machine. */
const SAME_TIME_SHARE = 1.25;
/** The hung host's result comes when its deadline is over, and not much later. */
const DEADLINE_SHARE = 1.15;
/** Memory at 255 against 64: what 191 more sockets with their buffers may take, in KiB each. */
const SOCKET_KIB = 128;

/** @param spokes the size at which the targets hold, unless a row says otherwise */
export function judgeTargets(results: Results, spokes: number): TargetRow[] {
  const fleet = fleetOf(results, spokes);
  return [
    ...fleetRules(fleet),
    ...hostRules(fleet),
    ...growthRules(results),
    ...outageRules(fleet),
    ...lineRules(fleet),
    ...hangRules(fleet),
    ...scaleRules(results),
  ].map(judge);
}

function judge({ what, value, limit, atLeast, show }: Rule): TargetRow {
  const isKnown = value !== undefined && !Number.isNaN(value);
  const isMet = isKnown && (atLeast === true ? value >= limit : value <= limit);
  const target = `${atLeast === true ? 'at least' : 'at most'} ${show(limit)}`;
  const share = !isKnown || isMet ? undefined : atLeast === true ? limit / value : value / limit;
  const missedBy = share !== undefined && Number.isFinite(share) ? share : undefined;
  return { what, target, measured: isKnown ? show(value) : undefined, isMet, missedBy };
}

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a / b;
const minus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a - b;

function fleetRules(fleet: FleetResult | undefined): Rule[] {
  const figure = (who: string, scenario: string, read: (sample: Sample) => number): number | undefined =>
    figureOf(fleet, who, scenario, read);
  const against = (who: string, scenario: string, read: (sample: Sample) => number): number | undefined =>
    ratio(figure(who, scenario, read), figure('vxfleet', scenario, read));
  const overFloor = (floor: string): number | undefined =>
    ratio(figure('vxfleet', FIRST, wallOf), figure(floor, FIRST, wallOf));
  const verify = ratio(figure('vxfleet', 'verify', wallOf), figure('vxfleet', NOTHING, wallOf));
  const cpuLimits = [
    [FIRST, 4000],
    [NOTHING, 2000],
  ] as const;
  return [
    rule('first deploy, proven and confirmed: faster than Ansible', against('ansible', FIRST, wallOf), 9, times, true),
    rule('first deploy: time against the floor that checks nothing', overFloor('floor'), 1.35, times),
    rule('first deploy: time against the floor with the stanzas of 27f7009', overFloor(FLOOR_BEFORE), 0.8, times),
    rule('nothing to change: faster than Ansible', against('ansible', NOTHING, wallOf), 14, times, true),
    rule('verify of everything: time against nothing to change', verify, 1.3, times),
    rule('start of the program', figure('vxfleet', START, wallOf), 150, seconds),
    ...cpuLimits.flatMap(([scenario, limit]) => [
      rule(`controller CPU, ${scenario}: less than Ansible's`, against('ansible', scenario, cpuOf), 20, times, true),
      rule(`controller CPU, ${scenario}`, figure('vxfleet', scenario, cpuOf), limit, seconds),
    ]),
    rule('controller peak RSS, first deploy', figure('vxfleet', FIRST, memoryOf), 160 * 1024, mebibytes),
  ];
}

/** What the hosts have to start, hold and be sent. */
function hostRules(fleet: FleetResult | undefined): Rule[] {
  const figure = (who: string, scenario: string, read: (sample: Sample) => number): number | undefined =>
    figureOf(fleet, who, scenario, read);
  // The floor starts what a login and `ifup` need, and next to nothing beside.
  const beyond = (host: 'hub' | 'gateway', scenario: string, floorScenario: string): number | undefined =>
    minus(figure('vxfleet', scenario, startedOf(host)), figure('floor', floorScenario, startedOf(host)));
  return [
    rule(
      'processes started per tunnel at the hub, first deploy, beyond the floor',
      ratio(beyond('hub', FIRST, FIRST), fleet?.spokes),
      4,
      decimal,
    ),
    rule('processes started at a spoke, first deploy, beyond the floor', beyond('gateway', FIRST, FIRST), 8, count),
    rule(
      'processes started at a host, nothing to change, beyond a login',
      beyond('gateway', NOTHING, CONNECT),
      2,
      count,
    ),
    rule(
      'sent to a host with nothing to change',
      figure('vxfleet', NOTHING, wireOf('toHostBytes')),
      25 * 1024,
      kibibytes,
    ),
    rule(
      'memory of the largest process at the hub, first deploy',
      figure('vxfleet', FIRST, hubPeakOf),
      20 * 1024,
      mebibytes,
    ),
  ];
}

function growthRules(results: Results): Rule[] {
  const [small, middle, large] = [16, 64, 255].map((spokes) => fleetOf(results, spokes));
  const memory = (fleet: FleetResult | undefined): number | undefined => figureOf(fleet, 'vxfleet', FIRST, memoryOf);
  return [
    rule('peak RSS, growth from 64 to 255', minus(memory(large), memory(middle)), 191 * SOCKET_KIB, mebibytes),
    rule('time a tunnel at 255, against 16', ratio(timeATunnel(large), timeATunnel(small)), 1.25, times),
  ];
}

/** Others: 150. */
const OUTAGE_MS: Readonly<Record<string, number>> = { 'one end': 120, [ALL_CHANGED]: 250 };

function outageRules(fleet: FleetResult | undefined): Rule[] {
  const outages = fleet?.outages ?? {};
  const lengths = OUTAGE_KINDS.map((kind): [string, number[]] => [
    kind,
    (outages[kind] ?? []).flatMap(({ redeployedMs }) => redeployedMs),
  ]);
  const isMeasured = Object.keys(outages).length > 0;
  const lost = OUTAGE_KINDS.filter((kind) => kind !== ALL_CHANGED)
    .flatMap((kind) => outages[kind] ?? [])
    .reduce((total, { othersLost }) => total + othersLost, 0);
  return [
    ...lengths.map(([kind, values]) =>
      rule(
        `outage of a redeployed tunnel, p95: ${kind}`,
        percentile(values, 0.95),
        OUTAGE_MS[kind] ?? 150,
        milliseconds,
      ),
    ),
    rule('packets lost on tunnels not redeployed', isMeasured ? lost : undefined, 0, count),
  ];
}

function lineRules(fleet: FleetResult | undefined): Rule[] {
  const figure = (scenario: string, read: (sample: Sample) => number): number | undefined =>
    figureOf(fleet, 'vxfleet', scenario, read);
  const trips = wireOf('roundTrips');
  const login = figureOf(fleet, 'floor', FAR_CONNECT, trips);
  return [
    rule('round trips beyond the login, nothing to change', minus(figure(FAR_ALONE, trips), login), 1, count),
    rule('round trips beyond the login, a change', minus(figure(FAR_CHANGED, trips), login), 4, count),
    rule('one spoke behind 200 ms of delay, nothing to change', figure(FAR_ALONE, wallOf), 1800, seconds),
    rule('live view against plain: more CPU', minus(figure(LIVE, cpuOf), figure(PLAIN, cpuOf)), 1000, seconds),
  ];
}

function hangRules(fleet: FleetResult | undefined): Rule[] {
  const hang = fleet?.hang;
  const others = ratio(hang?.othersHungMs, hang?.othersAliveMs);
  return [
    rule('a host that hangs: time of the others, against all alive', others, SAME_TIME_SHARE, times),
    rule(
      'a host that hangs: its end, against its deadline',
      ratio(hang?.wallMs, hang?.deadlineMs),
      DEADLINE_SHARE,
      times,
    ),
  ];
}

function scaleRules({ scale }: Results): Rule[] {
  const [quarter, whole] = [16_384, 65_535].map((spokes) => scale.find((result) => result.spokes === spokes));
  const total = (result: typeof whole): number | undefined => result && result.planMs + result.renderMs;
  const memory = whole === undefined ? undefined : memoryOf(whole.modules);
  return [
    rule('plan and render 65,535 spokes: time', total(whole), 3000, seconds),
    rule('plan and render 65,535 spokes: peak RSS', memory, 400 * 1024, mebibytes),
    rule('plan and render: 65,535 against 16,384 (linear is 4)', ratio(total(whole), total(quarter)), 5, times),
  ];
}

const rule = (
  what: string,
  value: number | undefined,
  limit: number,
  show: (value: number) => string,
  atLeast?: true,
): Rule => ({ what, value, limit, show, ...(atLeast === undefined ? {} : { atLeast }) });
