/** Shows a run: listens to its events and writes them in one of three ways. stdout is data, stderr is progress. */
import { createJsonReporter } from './json-reporter.js';
import { createLiveReporter } from './live-reporter.js';
import { createPlainReporter } from './plain-reporter.js';
import type { Reporter, ReporterIo } from './reporter-io.js';

/** `--output`. auto is live when stderr is a terminal, else plain. */
export type OutputMode = 'auto' | 'live' | 'plain' | 'json';

/** The recap is the run's result and goes to stdout in every mode, as do diffs. */
export function createReporter(mode: OutputMode, io: ReporterIo): Reporter {
  switch (mode) {
    case 'json':
      return createJsonReporter(io);
    case 'plain':
      return createPlainReporter(io);
    case 'live':
      return createLiveReporter(io);
    case 'auto':
      return io.stderr.isTTY === true ? createLiveReporter(io) : createPlainReporter(io);
  }
}
