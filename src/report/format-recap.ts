/** The recap for people: a row a tunnel, each failure with what to do next, and at the very end the counts. */
import { formatInterfaceRanges } from '../diff/interface-ranges.js';
import type { CommandName, Recap, TunnelResult } from '../events.js';
import { wrapToWidth } from './fit-width.js';
import { formatDuration } from './format-duration.js';
import { formatFailure, sharedFailure } from './format-failure.js';
import { createPaint, type Paint } from './paint.js';
import { oneLine } from './fit-width.js';
import { isFailure, STATUSES, statusColour, statusMeaning, statusWord, wordsOf } from './status-text.js';

export interface RecapFormat {
  readonly color: boolean;
  /** Columns; Infinity where nothing wraps (a pipe, a file). */
  readonly width: number;
}

/** More rows than this no longer fit a small terminal beside the counts; then equal ones fold. */
const MAX_UNFOLDED_ROWS = 16;

/** Text ending in a newline. Failures are never folded away; those that are the hub's own are told once. */
export function formatRecap(recap: Recap, format: RecapFormat): string {
  const paint = createPaint(format.color);
  const failures = recap.tunnels.filter(isFailure);
  const lines = [
    ...formatRows(groupRows(recap.tunnels), recap.command, format.width, paint),
    ...(recap.tunnels.length === 0 ? [] : ['']),
    ...groupFailures(failures).flatMap(([first, ...alike]) => [
      ...formatFailure(first, { command: recap.command, paint, width: format.width }, alike),
      '',
    ]),
    ...formatTransit(recap)
      .flatMap((line) => wrapToWidth(line, format.width))
      .map((line) => paint('yellow', line)),
    formatCounts(recap, paint),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** Those with one reason together, at the place of their first. */
function groupFailures(failures: readonly TunnelResult[]): Group[] {
  const groups = new Map<string, [TunnelResult, ...TunnelResult[]]>();
  for (const result of failures) {
    const key = sharedFailure(result) ?? String(result.id);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [result]);
    else group.push(result);
  }
  return [...groups.values()];
}

type Group = readonly [TunnelResult, ...TunnelResult[]];

function groupRows(tunnels: readonly TunnelResult[]): Group[] {
  if (tunnels.length <= MAX_UNFOLDED_ROWS) return tunnels.map((result) => [result]);
  const groups = new Map<string, [TunnelResult, ...TunnelResult[]]>();
  for (const result of tunnels) {
    const { status, ends, error, id } = result;
    const own = isFailure(result) ? (sharedFailure(result) ?? id) : null;
    const key = JSON.stringify([own, status, ends.hub, ends.spoke, error?.message]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [result]);
    else group.push(result);
  }
  return [...groups.values()];
}

/** A list of interfaces longer than this goes below its row instead of widening the column for all of them. */
const MAX_INTERFACES_WIDTH = 30;

/** Columns; where the last cell of a row has fewer it goes below the row. */
const MIN_DETAIL_WIDTH = 24;

function formatRows(groups: readonly Group[], command: CommandName, width: number, paint: Paint): string[] {
  const rows = groups.map((group) => {
    const [first] = group;
    const interfaces = formatInterfaceRanges(group.map(({ id }) => id));
    const isLong = group.length > 1 && interfaces.length > MAX_INTERFACES_WIDTH;
    return {
      status: first.status,
      name: group.length === 1 ? first.spoke : `${group.length} tunnels`,
      interfaces: group.length === 1 ? first.interface : isLong ? `${first.interface} …` : interfaces,
      word: statusWord(first.status, command),
      detail: rowDetail(group, command),
      below: isLong ? wrapToWidth(`    ${interfaces}`, width) : [],
    };
  });
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map(({ length }) => length));
  const nameWidth = widest(rows.map(({ name }) => name));
  const interfacesWidth = widest(rows.map(({ interfaces }) => interfaces));
  const wordWidth = widest(rows.map(({ word }) => word));
  const start = nameWidth + interfacesWidth + wordWidth + 3 * 2;
  return rows.flatMap(({ status, name, interfaces, word, detail, below }) => {
    const cells = `${name.padEnd(nameWidth)}  ${interfaces.padEnd(interfacesWidth)}  ${paint(statusColour(status), word)}`;
    const hasRoom = width - start >= MIN_DETAIL_WIDTH;
    const lines = detail === '' ? [] : wrapToWidth(detail, Math.max(width - (hasRoom ? start : 4), MIN_DETAIL_WIDTH));
    const [first, ...more] = hasRoom ? lines : [undefined, ...lines];
    return [
      first === undefined ? cells : `${cells}${' '.repeat(wordWidth - word.length)}  ${first}`,
      ...more.map((line) => ' '.repeat(hasRoom ? start : 4) + line),
      ...below.map((line) => paint('dim', line)),
    ];
  });
}

function rowDetail(group: Group, command: CommandName): string {
  const [first] = group;
  const { hub, spoke } = first.ends;
  const parts = [
    statusMeaning(first, command),
    hub === spoke || !wasTouched(first) ? null : `hub ${wordsOf(hub)}, spoke ${wordsOf(spoke)}`,
    downTime(group),
    // A failed tunnel's checks are told with its failure; here they would read as those of the state it was put back to.
    isFailure(first) ? null : checksPassed(group),
    first.status === 'skipped' && first.error !== null ? oneLine(first.error.message) : null,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

/** Where nothing was, there is no more to say of the ends than the failure does. */
const wasTouched = ({ ends: { hub, spoke } }: TunnelResult): boolean =>
  ![hub, spoke].every((end) => end === 'untouched' || end === 'unreachable');

function downTime(group: Group): string | null {
  const times = group.flatMap(({ down_ms }) => (down_ms === null ? [] : [down_ms])).sort((a, b) => a - b);
  const [shortest] = times;
  const longest = times.at(-1);
  if (shortest === undefined || longest === undefined) return null;
  const [from, to] = [formatDuration(shortest), formatDuration(longest)];
  return from === to ? `down ${to}` : `down ${from} to ${to}`;
}

function checksPassed(group: Group): string | null {
  const checks = group.flatMap((result) => result.checks);
  if (checks.length === 0) return null;
  const passed = checks.filter(({ ok }) => ok).length;
  if (passed < checks.length) return `${passed} of ${checks.length} checks answered`;
  const isClosed = group.every(
    ({ intrusions }) => intrusions.length > 0 && intrusions.every(({ sent, dropped }) => dropped === sent),
  );
  return `${passed} ${passed === 1 ? 'check' : 'checks'} answered${isClosed ? ', closed' : ''}`;
}

/** More names than this say no more than their number. */
const MOST_NAMES = 3;

function formatTransit({ transit_unproven: names }: Recap): string[] {
  if (names.length === 0) return [];
  const more = names.length - MOST_NAMES;
  const list = names.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
  return [`transit not proven: ${list} (no other site answered; hub.anchor in the inventory would be asked)`];
}

function formatCounts({ command, counts, tunnels, duration_ms }: Recap, paint: Paint): string {
  const duration = formatDuration(duration_ms);
  if (tunnels.length === 0) return `no tunnels (${duration})`;
  const words = STATUSES.filter((status) => counts[status] > 0).map((status) =>
    paint(statusColour(status), `${counts[status]} ${statusWord(status, command)}`),
  );
  return `${tunnels.length} ${tunnels.length === 1 ? 'tunnel' : 'tunnels'}: ${words.join(', ')} (${duration})`;
}
