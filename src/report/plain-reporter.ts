/** One line an event on stderr, at once; diffs and the recap on stdout. */
import type { CommandName } from '../events.js';
import { formatDiff } from './format-diff.js';
import { formatRecap } from './format-recap.js';
import { formatTimings } from './format-timings.js';
import { flush, widthOf } from './output-stream.js';
import { createPaint } from './paint.js';
import { plainLines } from './plain-line.js';
import { SharedFailures } from './shared-failures.js';
import type { Reporter, ReporterIo } from './reporter-io.js';

export function createPlainReporter({ stdout, stderr, color, verbose }: ReporterIo): Reporter {
  const paint = createPaint(color);
  const told = new SharedFailures();
  const isToldLater = stdout.isTTY === true && stderr.isTTY === true;
  let command: CommandName = 'deploy';
  return {
    emit: (event) => {
      if (event.event === 'start') command = event.command;
      const lines = plainLines(event, { command, verbose, paint, isRepeated: told.isRepeated(event), isToldLater });
      if (lines.length > 0) stderr.write(lines.map((line) => `${line}\n`).join(''));
      if (event.event === 'diff') stdout.write(formatDiff(event, paint));
      if (event.event === 'timings') stdout.write(formatTimings(event.steps));
      if (event.event === 'recap') stdout.write(formatRecap(event, { color, width: widthOf(stdout) }));
    },
    finish: async () => {
      await Promise.all([flush(stdout), flush(stderr)]);
    },
  };
}
