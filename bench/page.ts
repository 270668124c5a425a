/** docs/benchmark.md out of the results. Pure. */
import { FIRST, NOTHING, START } from './contestant.js';
import { CONNECT, FLOOR_BEFORE } from './floor-contestant.js';
import { markdownTable } from './markdown-table.js';
import { FAR_ALONE, FAR_CHANGED, FAR_CONNECT, FAR_IN_FLEET } from './measure-delay.js';
import { LIVE, PLAIN } from './measure-live-view.js';
import { AROUND_MS, BY_NAME, ONE_CHANGED, OUTAGE_KINDS, PINGED_OF_ALL } from './measure-redeploys.js';
import type { Series } from './plot.js';
import { cpuOf, figureOf, hubPeakOf, memoryOf, wallOf, wireOf } from './read-results.js';
import type { FleetResult, Outage, Results, Sample } from './results.js';
import { sampleKey } from './run-rounds.js';
import { reasonFor } from './reasons.js';
import { percentile } from './statistics.js';
import { judgeTargets } from './targets.js';
import { bestForks } from './tune-ansible.js';

/** At which the targets hold. */
const FULL_SIZE = 255;

const SCENARIOS: readonly (readonly [string, string])[] = [
  ...[FIRST, NOTHING, ONE_CHANGED, BY_NAME, 'diff', 'verify', 'rollback', START].map(
    (name) => ['vxfleet', name] as const,
  ),
  ...[FIRST, NOTHING].map((name) => ['ansible', name] as const),
  ...[FIRST, CONNECT].map((name) => ['floor', name] as const),
  [FLOOR_BEFORE, FIRST],
  ...[FAR_ALONE, FAR_CHANGED, FAR_IN_FLEET].map((name) => ['vxfleet', name] as const),
  ['floor', FAR_CONNECT],
  ...[PLAIN, LIVE].map((name) => ['vxfleet', name] as const),
];

/** The lines of the plot. */
export const seriesOf = ({ fleets }: Results): Series[] =>
  [
    ['ansible', FIRST],
    ['ansible', NOTHING],
    ['vxfleet', FIRST],
    ['vxfleet', NOTHING],
    ['floor', FIRST],
    ['floor', CONNECT],
  ].map(([who = '', scenario = '']) => ({
    name: `${who}, ${scenario}`,
    isDashed: scenario !== FIRST,
    points: fleets.flatMap((fleet): [number, number][] => {
      const wall = figureOf(fleet, who, scenario, wallOf);
      return wall === undefined ? [] : [[fleet.spokes, wall / 1000]];
    }),
  }));

/** @param before what was measured at 27f7009, by the rows of the first table */
export function pageText(results: Results, before: Readonly<Record<string, string>>): string {
  const full = results.fleets.some(({ spokes }) => spokes === FULL_SIZE) ? FULL_SIZE : results.fleets.at(-1)?.spokes;
  return `# The benchmark

\`npm run bench -- --spokes 16 --spokes 64 --spokes 255 --write\` measures all of this and writes this page, in about an hour. It
starts a lab fleet for each size: hosts with an sshd, ifupdown and VXLAN of their own, in namespaces of one machine, with the controller
beside them. So hosts and controller share the machine's cores, and all figures are ratios from one run on one machine, not promises.

Machine: ${results.machine}${results.versions === '' ? '' : `; ${results.versions}`}.

![Time over the number of spokes](benchmark.svg)

## Who does what

- **vxfleet**: \`deploy\` and the other commands with their defaults. A first deploy brings both ends up, proves them with packets and confirms.
- **Ansible**: pipelining, ControlPersist, ${bestForks(results.tuning)} forks, no facts, one templated file a host with the stanzas that vxfleet renders, a handler
  that bounces in parallel, one task on the hub that pings every tunnel in parallel. Every run starts without open connections.
- **floor**: one bare ssh2 connection and one exec a host that writes the finished file and runs \`ifup\` (the hub's, eight at a time); or that
  runs \`true\`. No host keys, no check, no way back.
- **floor 27f7009**: the same with the stanzas of commit 27f7009 (\`bench/stanzas-27f7009\`), from before they and the program on the hosts were made
  anew. So what the stanzas gave can be told from what the program gave.

They run in turn, in each round another first, from hosts without a tunnel. After each first deploy every tunnel must answer, or the run fails.

## Numbers to reach

At ${full ?? 'no'} spokes, unless said. The column *27f7009* has what was measured of that commit, on a machine of the same kind.
Outages, the far spoke, the host that hangs, the live view, 65,535 spokes and the fleets of 16 and 64 were last measured before the program on the hosts was made anew.

${targetTable(results, before, full)}

${whyMissed(results, full)}

## Time, CPU, memory, line

Medians of the rounds. *CPU* is user and system time of all processes that the command started on the controller, counted by a cgroup; *memory*
the most that they had together (the larger of PSS, looked at every 100 ms, and of the largest process's VmHWM). *Hub MiB* is the most that one
process had resident there, sshd aside. *Trips* and *KiB* are what passed
to and from one spoke, counted by a TCP relay in front of it: a trip is a change of direction there and back, and one more for TCP's own
handshake. Without a delay, what crosses on the way counts too, so the targets take the trips of the *far spoke*: the relay then delays each
way by 100 ms. *Started* are the processes and threads on the hub, on a spoke in gateway mode and on one in policy mode, by the last pid of
each host's pid namespace.
${results.fleets.map(fleetSection).join('')}
## Redeploys under load

Each tunnel is pinged from the hub every 10 ms (at 255 spokes every 40 ms) by one program; an outage is the longest run of lost pings, from the first to the last and
one interval. One spoke's metric (only the spoke's end), MTU or VNI (both ends) is changed and changed back, and the whole fleet deployed each
time; then every tunnel's MTU at once, where at most ${PINGED_OF_ALL} tunnels are pinged. *Not sent* are the pings for
which the machine had no time; with many of them an outage may be longer than it looks. *Pinger* is what the pings cost on the same machine.

${outageTable(results)}

## A host that hangs

The sshd of one spoke is stopped (SIGSTOP) before a deploy with nothing to change. Its kernel still takes connections, so its deadline is the
one of the SSH handshake.

${hangTable(results)}

## 65,535 spokes

\`makePlan\` and \`renderTunnel\` of both ends of each, in a program of their own (plan, render, memory); and \`vxfleet render --output json\` from
a YAML inventory to /dev/null (command).

${scaleTable(results)}

## How Ansible was tuned

Each once, at ${results.tuning[0]?.spokes ?? 'no'} spokes; the fastest plain one is used above.

${tuningTable(results)}
`;
}

const NONE = 'not measured';
const seconds = (ms: number | undefined): string =>
  ms === undefined || Number.isNaN(ms) ? '' : (ms / 1000).toFixed(ms < 10_000 ? 2 : 1);
const whole = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '' : String(Math.round(value));

function targetTable(results: Results, before: Readonly<Record<string, string>>, spokes = 0): string {
  const rows = judgeTargets(results, spokes).map(({ what, target, measured, isMet, missedBy }) => [
    what,
    target,
    before[what] ?? '',
    measured ?? NONE,
    measured === undefined
      ? ''
      : isMet
        ? 'met'
        : `**missed**${missedBy === undefined ? '' : `, ${missedBy.toFixed(1)}x`}`,
  ]);
  return markdownTable(['what', 'target', '27f7009', 'measured', ''], rows);
}

/** A paragraph a reason, after the rows that it is for. */
function whyMissed(results: Results, spokes = 0): string {
  const missed = judgeTargets(results, spokes).filter(({ measured, isMet }) => measured !== undefined && !isMet);
  const rowsByReason = new Map<string, string[]>();
  for (const { what } of missed) {
    const reason = reasonFor(what) ?? 'Nobody has looked yet.';
    rowsByReason.set(reason, [...(rowsByReason.get(reason) ?? []), what]);
  }
  if (rowsByReason.size === 0) return 'All of them are met.';
  const items = [...rowsByReason].map(([reason, rows]) => `- *${rows.join('; ')}*: ${reason}`);
  return `Why the missed ones are missed:\n\n${items.join('\n')}`;
}

function fleetSection(fleet: FleetResult): string {
  const rows = SCENARIOS.filter(([who, name]) => (fleet.samples[sampleKey(who, name)] ?? []).length > 0).map(
    ([who, name]) => {
      const figure = (read: (sample: Sample) => number): number | undefined => figureOf(fleet, who, name, read);
      const bytes = (sample: Sample): number => wireOf('toHostBytes')(sample) + wireOf('fromHostBytes')(sample);
      const kibibytes = figure(bytes);
      return [
        who,
        name,
        seconds(figure(wallOf)),
        seconds(figure(cpuOf)),
        whole((figure(memoryOf) ?? Number.NaN) / 1024),
        whole((figure(hubPeakOf) ?? Number.NaN) / 1024),
        whole(figure(wireOf('roundTrips'))),
        whole(kibibytes === undefined ? undefined : kibibytes / 1024),
        startedText(fleet.samples[sampleKey(who, name)] ?? []),
      ];
    },
  );
  const rounds = fleet.samples[sampleKey('vxfleet', FIRST)]?.length ?? 0;
  const columns = ['who', 'what', 'time s', 'CPU s', 'memory MiB', 'hub MiB', 'trips', 'KiB', 'started'];
  return `\n### ${fleet.spokes} spokes, ${rounds} round${rounds === 1 ? '' : 's'}\n\n${markdownTable(columns, rows, 2)}\n`;
}

/** Of the last round: hub, gateway, policy. */
const startedText = (samples: readonly Sample[]): string => Object.values(samples.at(-1)?.processes ?? {}).join(', ');

function outageTable({ fleets }: Results): string {
  const rows = fleets.flatMap((fleet) =>
    OUTAGE_KINDS.filter((kind) => (fleet.outages[kind] ?? []).length > 0).map((kind) => {
      const outages = fleet.outages[kind] ?? [];
      const lengths = outages.flatMap(({ redeployedMs }) => redeployedMs);
      const sum = (key: Exclude<keyof Outage, 'redeployedMs'>): number =>
        outages.reduce((total, outage) => total + outage[key], 0);
      return [
        kind,
        String(fleet.spokes),
        String(lengths.length),
        ...[0.5, 0.95, 1].map((share) => whole(percentile(lengths, share))),
        String(sum('othersSent')),
        String(sum('othersLost')),
        `${((100 * sum('pingsSkipped')) / (sum('pingsSent') + sum('pingsSkipped'))).toFixed(0)}%`,
        `${((100 * sum('pingerCpuMs')) / (sum('wallMs') + AROUND_MS * outages.length)).toFixed(0)}%`,
      ];
    }),
  );
  const columns = [
    'change',
    'spokes',
    'outages',
    'p50 ms',
    'p95 ms',
    'max ms',
    'others sent',
    'lost',
    'not sent',
    'pinger, of a core',
  ];
  return rows.length === 0 ? NONE : markdownTable(columns, rows);
}

function hangTable({ fleets }: Results): string {
  const rows = fleets.flatMap(({ spokes, hang }) =>
    hang === undefined
      ? []
      : [
          [
            String(spokes),
            ...[hang.othersAliveMs, hang.othersHungMs, hang.wallMs, hang.deadlineMs].map(seconds),
            hang.status,
          ],
        ],
  );
  const columns = ['spokes', 'others done, all alive s', 'one hangs s', 'its end s', 'its deadline s', 'it is'];
  return rows.length === 0 ? NONE : markdownTable(columns, rows);
}

function scaleTable({ scale }: Results): string {
  const rows = scale.map(({ spokes, planMs, renderMs, modules, command }) => [
    String(spokes),
    seconds(planMs),
    seconds(renderMs),
    whole(memoryOf(modules) / 1024),
    command.exitCode === 0 ? seconds(command.wallMs) : `failed (${command.exitCode})`,
    whole(memoryOf(command) / 1024),
  ]);
  const columns = ['spokes', 'plan s', 'render s', 'memory MiB', 'command s', 'memory MiB'];
  return rows.length === 0 ? NONE : markdownTable(columns, rows);
}

function tuningTable({ tuning }: Results): string {
  const rows = tuning.map(({ name, forks, firstMs, nothingMs }) => [
    name,
    String(forks),
    firstMs === undefined ? 'failed' : seconds(firstMs),
    seconds(nothingMs),
  ]);
  return rows.length === 0 ? NONE : markdownTable(['how', 'forks', 'first deploy s', 'nothing to change s'], rows);
}
