import type { StepTiming } from '../events.js';
import { formatDuration } from './format-duration.js';

/** A table with a line a step, for stdout, an empty line before and after; the slowest tunnel is named. */
export function formatTimings(steps: readonly StepTiming[]): string {
  const rows = steps.map(({ step, tunnels, median_ms, p95_ms, slowest_ms, slowest }) => [
    step,
    String(tunnels),
    formatDuration(median_ms),
    formatDuration(p95_ms),
    formatDuration(slowest_ms),
    slowest,
  ]);
  const table = [['step', 'tunnels', 'median', 'p95', 'slowest', ''], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : column === 5 ? cell : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return `\n${lines.map((line) => `${line}\n`).join('')}\n`;
}
