/** Is the tunnel closed? Each end sends to the other what must not pass; the other's filter has to count all of it. */
import type { Intrusion, TunnelFailure } from '../events.js';
import type { End } from '../plan/plan.js';
import { PACKETS_EACH, planIntrusions, type PlannedIntrusion } from '../verify/plan-intrusions.js';
import type { TunnelEnd } from './tunnel-end.js';
import type { Pair } from './tunnel.js';

export interface ClosedProof {
  readonly intrusions: readonly Intrusion[];
  readonly failure: TunnelFailure | null;
}

/** By counter of a host's filter, in packets. */
type Counts = ReadonlyMap<string, number>;
type BothCounts = Readonly<Record<End, Counts>>;

/** An underlay that answers pings delivers within it, in seconds. */
const SECONDS = 1;
/** What got lost on the way proves nothing: it is sent again. */
const ATTEMPTS = 3;

/** For a host that is busy. */
const SPARE_MS = 30_000;

const otherOf = (end: End): End => (end === 'hub' ? 'spoke' : 'hub');

/** What each end's filter has counted up to now. */
export const countDrops = async (tunnel: Pair): Promise<BothCounts> => intrude(tunnel, [], undefined);

/** @param before what was counted before anything was sent */
export async function proveClosed(tunnel: Pair, before: BothCounts): Promise<ClosedProof> {
  const planned = planIntrusions(tunnel.fleet, tunnel.plan);
  const dropped = new Map<PlannedIntrusion, number>();
  const missing = (): PlannedIntrusion[] => planned.filter((one) => (dropped.get(one) ?? 0) < PACKETS_EACH);
  let counted = before;
  for (let attempt = 1; attempt <= ATTEMPTS && missing().length > 0; attempt++) {
    const sent = missing();
    const now = await intrude(tunnel, sent, counted);
    for (const one of sent) dropped.set(one, droppedBetween(one, counted, now));
    counted = now;
  }
  const intrusions = planned.map((one) => {
    const { from, kind } = one;
    return { from, kind, sent: PACKETS_EACH, dropped: Math.min(dropped.get(one) ?? 0, PACKETS_EACH) };
  });
  const passed = intrusions.find((one) => one.dropped < one.sent);
  return { intrusions, failure: passed === undefined ? null : failureOf(tunnel, passed) };
}

const droppedBetween = ({ from, counter }: PlannedIntrusion, before: BothCounts, after: BothCounts): number =>
  (after[otherOf(from)].get(counter) ?? 0) - (before[otherOf(from)].get(counter) ?? 0);

async function intrude(
  tunnel: Pair,
  sent: readonly PlannedIntrusion[],
  counted: BothCounts | undefined,
): Promise<BothCounts> {
  const all = planIntrusions(tunnel.fleet, tunnel.plan);
  if (all.length === 0) return { hub: new Map(), spoke: new Map() };
  const countsOf = async (end: End): Promise<Counts> => {
    const due = new Set(sent.filter(({ from }) => from !== end).map(({ counter }) => counter));
    const least = new Map(
      all
        .filter(({ from }) => from !== end)
        .map(({ counter }) => [counter, (counted?.[end].get(counter) ?? 0) + (due.has(counter) ? PACKETS_EACH : 0)]),
    );
    const lines = sent.filter(({ from }) => from === end).map(({ line }) => line);
    return intrudeFrom(tunnel[end], lines, least, sent.length === 0 ? 0 : SECONDS);
  };
  const [hub, spoke] = await Promise.all([countsOf('hub'), countsOf('spoke')]);
  return { hub, spoke };
}

/** @param least until each counter of the end's own filter has come to it, or the seconds are over */
async function intrudeFrom(end: TunnelEnd, lines: readonly string[], least: Counts, seconds: number): Promise<Counts> {
  const counts = [...least].map(([counter, packets]) => `count ${counter} ${packets}`);
  const { values } = await end.ask({
    verb: 'intrude',
    args: [String(seconds)],
    payload: [...lines, ...counts].map((line) => `${line}\n`).join(''),
    timeoutMs: seconds * 1000 + SPARE_MS,
  });
  const counted = (values.get('counters') ?? '').matchAll(/^(\S+) (\d{1,15})$/gm);
  return new Map([...counted].map(([, counter = '', packets]) => [counter, Number(packets)]));
}

function failureOf({ plan }: Pair, { from, kind, sent, dropped }: Intrusion): TunnelFailure {
  const end = otherOf(from);
  const what =
    kind === 'vni'
      ? "with another tunnel's VNI"
      : `through ${plan.interface} with a source that is not behind the other end`;
  return {
    code: 'verify',
    end,
    layer: 'filter',
    message: `${sent} packets ${what} were sent by the ${from}, and the filter has dropped ${dropped}: it lets them in, or they never came to it`,
    hint: 'nft list table inet vxfleet shows the filter and what it has counted; does a rule of another table drop them before it, or a template of your own leave the filter out (docs/templates.md)?',
  };
}
