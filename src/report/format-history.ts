/** The history for people: a row a run, equal changes of many tunnels in one; and for scripts: every change by itself. */
import { formatInterfaceRanges } from '../diff/interface-ranges.js';
import type { EndChange, TunnelChange } from '../history/match-ends.js';
import { outcomeText } from '../history/outcome-text.js';
import { runOf } from '../history/change-id.js';
import { FIRST } from '../history/record.js';
import { wrapToWidth } from './fit-width.js';
import { createPaint, type Colour } from './paint.js';
import { escapeJson, printableLine } from './printable.js';
import type { RecapFormat } from './format-recap.js';

const HEADER = ['time', 'run', 'tunnel', 'interface', 'operator', 'command', 'outcome'] as const;
/** A list of interfaces longer than this goes below its row instead of widening the column for all of them. */
const MAX_INTERFACES_WIDTH = 30;

type Group = readonly [TunnelChange, ...TunnelChange[]];

/** Text ending in a newline: a header and a row a run, in the order of the changes. */
export function formatHistory(changes: readonly TunnelChange[], { color, width }: RecapFormat): string {
  if (changes.length === 0) return 'no records of any change\n';
  const paint = createPaint(color);
  const rows = groupByRun(changes).map((group) => ({ ...makeRow(group), colour: colourOf(group[0]) }));
  const widths = HEADER.map((title, column) =>
    rows.reduce((widest, { cells }) => Math.max(widest, cells[column]?.length ?? 0), title.length),
  );
  const align = (cells: readonly string[]): string =>
    cells.map((cell, column) => `${cell.padEnd(widths[column] ?? 0)}  `).join('');
  const lines = rows.flatMap(({ cells, outcome, below, colour }) => [
    `${align(cells)}${paint(colour, outcome)}`,
    ...below.flatMap((line) => wrapToWidth(`    ${line}`, width)).map((line) => paint('dim', line)),
  ]);
  return [paint('bold', align(HEADER).trimEnd()), ...lines].map((line) => `${line}\n`).join('');
}

/** Those that one run changed in the same way together, at the place of their first. */
function groupByRun(changes: readonly TunnelChange[]): Group[] {
  const groups = new Map<string, [TunnelChange, ...TunnelChange[]]>();
  for (const change of changes) {
    const key = JSON.stringify([change.run, change.operator, change.command, changeText(change)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...groups.values()];
}

/** The row's cells but for the last, which is coloured and not padded. */
function makeRow(group: Group): {
  readonly cells: readonly string[];
  readonly outcome: string;
  readonly below: readonly string[];
} {
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
    ],
    outcome: changeText(first),
    below: isLong ? [interfaces] : [],
  };
}

/** Both ends in one word when they went the same way; else each by itself. */
function changeText({ ends: { hub, spoke } }: TunnelChange): string {
  if (hub !== null && spoke !== null && endText(hub) === endText(spoke)) return endText(hub);
  const parts = [
    ...(hub === null ? [] : [`hub ${endText(hub)}`]),
    ...(spoke === null ? [] : [`spoke ${endText(spoke)}`]),
  ];
  return parts.join(', ');
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
