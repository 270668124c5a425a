/** The history for people: a row a run, equal changes of many tunnels in one; and for scripts: every change by itself. */
import { formatInterfaceRanges } from '../diff/interface-ranges.js';
import type { EndChange, TunnelChange } from '../history/match-ends.js';
import { outcomeText } from '../history/outcome-text.js';
import { runOf } from '../history/change-id.js';
import { FIRST } from '../history/record.js';
import { wrapToWidth } from './fit-width.js';
import { createPaint, type Colour, type Paint } from './paint.js';
import { escapeJson, printableLine } from '../printable.js';
import type { RecapFormat } from './format-recap.js';

const HEADER = ['time', 'run', 'tunnel', 'interface', 'operator', 'command', 'outcome'] as const;
/** A list of interfaces longer than this goes below its row instead of widening the column for all of them. */
const MAX_INTERFACES_WIDTH = 30;
/** Columns between two columns. */
const GAP = 2;

type Group = readonly [TunnelChange, ...TunnelChange[]];

export interface HistoryFormat extends RecapFormat {
  /** Names of the hosts whose records were read: what one of them has no record of, it had no part in. */
  readonly read: readonly string[];
}

/** Text ending in a newline, in the order of the changes: a row a run; where that is too wide for the terminal, some short lines a run. */
export function formatHistory(changes: readonly TunnelChange[], { color, width, read }: HistoryFormat): string {
  if (changes.length === 0) return 'no records of any change\n';
  const paint = createPaint(color);
  const rows = groupByRun(changes, read).map(([outcome, group]) => makeRow(group, outcome));
  const widths = HEADER.map((title, column) =>
    rows.reduce((widest, { cells }) => Math.max(widest, cells[column]?.length ?? 0), title.length),
  );
  const isTooWide = widths.reduce((sum, one) => sum + one + GAP, -GAP) > width;
  const lines = isTooWide ? formatBlocks(rows, width, paint) : formatTable(rows, widths, width, paint);
  return lines.map((line) => `${line}\n`).join('');
}

interface Row {
  /** As in HEADER. */
  readonly cells: readonly string[];
  readonly below: readonly string[];
  readonly colour: Colour;
}

function formatTable(rows: readonly Row[], widths: readonly number[], width: number, paint: Paint): string[] {
  const align = (cells: readonly string[]): string =>
    cells.map((cell, column) => cell.padEnd((widths[column] ?? 0) + GAP)).join('');
  return [
    paint('bold', align(HEADER).trimEnd()),
    ...rows.flatMap(({ cells, below, colour }) => [
      `${align(cells.slice(0, -1))}${paint(colour, cells.at(-1) ?? '')}`,
      ...indented(below, width, paint, 'dim'),
    ]),
  ];
}

/** Which run, when and whose in bold; then what was typed, and what became of which tunnels. What was found is nobody's. */
function formatBlocks(rows: readonly Row[], width: number, paint: Paint): string[] {
  return rows.flatMap(({ cells, below, colour }, index) => {
    const [time, run, tunnel, name, operator, command, outcome] = cells;
    const isSameRun = rows[index - 1]?.cells[1] === run;
    const head = wrapToWidth([time, run, operator].filter(isKnown).join('  '), width);
    return [
      ...(isSameRun ? [] : head.map((line) => paint('bold', line))),
      ...(isSameRun ? [] : indented([command ?? ''].filter(isKnown), width, paint, 'dim')),
      ...indented([`${tunnel}  ${name}  ${outcome}`], width, paint, colour),
      ...indented(below, width, paint, 'dim'),
    ];
  });
}

const isKnown = (cell: string | undefined): boolean => cell !== '-';

const indented = (lines: readonly string[], width: number, paint: Paint, colour: Colour): string[] =>
  lines.flatMap((line) => wrapToWidth(`    ${line}`, width)).map((line) => paint(colour, line));

/** Those that one run changed in the same way together, at the place of their first. */
function groupByRun(changes: readonly TunnelChange[], read: readonly string[]): [outcome: string, Group][] {
  const groups = new Map<string, [string, [TunnelChange, ...TunnelChange[]]]>();
  for (const change of changes) {
    const outcome = changeText(change, read);
    const key = JSON.stringify([change.run, change.operator, change.command, outcome]);
    const [, group] = groups.get(key) ?? [];
    if (group === undefined) groups.set(key, [outcome, [change]]);
    else group.push(change);
  }
  return [...groups.values()];
}

function makeRow(group: Group, outcome: string): Row {
  const [first] = group;
  const interfaces = formatInterfaceRanges(group.map(({ id }) => id));
  const isLong = interfaces.length > MAX_INTERFACES_WIDTH;
  return {
    cells: [
      first.time,
      first.run,
      group.length === 1 ? first.spoke : `${group.length} tunnels`,
      isLong ? `${first.interface} …` : interfaces,
      printableLine(first.operator),
      printableLine(first.command),
      outcome,
    ],
    below: isLong ? [interfaces] : [],
    colour: colourOf(first),
  };
}

/** Both ends in one word when they went the same way; else each by itself. What only one knows, because the other was not asked, is its word alone. */
function changeText({ spoke: name, ends: { hub, spoke } }: TunnelChange, read: readonly string[]): string {
  if (hub !== null && spoke !== null) {
    const [atHub, atSpoke] = [endText(hub), endText(spoke)];
    return atHub === atSpoke ? atHub : `hub ${atHub}, spoke ${atSpoke}`;
  }
  const change = hub ?? spoke;
  if (change === null) return '';
  const [end, other] = hub === null ? ['spoke', 'hub'] : ['hub', name];
  if (change.outcome === 'found') return `found at the ${end}`;
  return read.includes(other) ? `${end} ${endText(change)}` : `${endText(change)}, by the ${end}'s record`;
}

function endText({ outcome, restores, has_file }: EndChange): string {
  const text = outcome === 'confirmed' && !has_file ? 'removed' : outcomeText(outcome);
  if (restores === null) return text;
  return `${text}, back to ${restores === FIRST ? 'before the first deploy' : runOf(restores)}`;
}

function colourOf({ ends }: TunnelChange): Colour {
  const outcomes = [ends.hub, ends.spoke].flatMap((end) => end?.outcome ?? []);
  if (outcomes.includes('found')) return 'cyan';
  return outcomes.every((outcome) => outcome === 'confirmed') ? 'green' : 'red';
}

/** What a script learns besides the changes. */
export interface HistoryNotes {
  /** A sentence for each record that was skipped. */
  readonly warnings: readonly string[];
  /** Hosts whose side is missing. */
  readonly unread: readonly { readonly host: string; readonly code: string; readonly message: string }[];
}

/** One JSON document ending in a newline; keys are snake_case, what is absent is null. */
export function historyToJson(changes: readonly TunnelChange[], { warnings, unread }: HistoryNotes): string {
  const document = {
    changes: changes.map(({ time, run, change, operator, command, spoke, interface: name, id, ends }) => ({
      time,
      run,
      change,
      operator,
      command,
      spoke,
      interface: name,
      id,
      ends,
    })),
    warnings,
    unread: unread.map(({ host, code, message }) => ({ host, code, message })),
  };
  return `${escapeJson(JSON.stringify(document, null, 2))}\n`;
}
