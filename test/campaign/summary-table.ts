/** The campaign's result as a table: fault x step x runs x violations. Pure. */
import type { CaseResult, Verdict } from './case.js';
import { GRID } from './points.js';

const COLUMNS = ['fault', 'step', 'runs', 'violations', 'repaired', 'missed'] as const;

/** A line for each fault and step; Markdown. Date-free, so that the same result is the same text. */
export function summaryTable(results: readonly CaseResult[]): string {
  const groups = new Map<string, CaseResult[]>();
  for (const result of [...results].sort(byFaultAndStep)) {
    const key = `${result.plan.fault.name}\0${result.plan.point?.step ?? 'the whole change'}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const rows = [...groups].map(([key, group]) => [...key.split('\0'), String(group.length), ...counts(group)]);
  rows.push(['**all**', '', String(results.length), ...counts(results)]);
  const widths = COLUMNS.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, index) => pad(cells[index] ?? '', width, index)).join(' | ')} |`;
  const rule = widths.map((width, index) => (index < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(COLUMNS), line(rule), ...rows.map(line)].join('\n');
}

const stepOf = ({ plan }: CaseResult): number => GRID.findIndex(({ step }) => step === plan.point?.step);

const byFaultAndStep = (a: CaseResult, b: CaseResult): number =>
  a.plan.fault.name.localeCompare(b.plan.fault.name, 'en') || stepOf(a) - stepOf(b);

const counts = (results: readonly CaseResult[]): string[] =>
  (['violation', 'repaired', 'missed'] as const).map((verdict) => String(countOf(results, verdict)));

export const countOf = (results: readonly CaseResult[], verdict: Verdict): number =>
  results.filter((result) => result.verdict === verdict).length;

const pad = (text: string, width: number, index: number): string =>
  index < 2 ? text.padEnd(width) : text.padStart(width);
