/** Shows a run: listens to its events and writes them in one of three ways. stdout is data, stderr is progress. */
import { harmless } from './harmless.js';
import { createJsonReporter } from './json-reporter.js';
import { createPlainReporter } from './plain-reporter.js';
import type { Reporter, ReporterIo } from './reporter-io.js';

/** `--output`. auto is live when stderr is a terminal that can redraw, else plain. */
export type OutputMode = 'auto' | 'live' | 'plain' | 'json';

/**
 * The recap is the run's result and goes to stdout in every mode, as do diffs. What people read is made harmless here, before any reporter sees
 * it; JSON has the texts as they are, and escapes them.
 */
export async function createReporter(mode: OutputMode, io: ReporterIo): Promise<Reporter> {
  if (mode === 'json') return createJsonReporter(io);
  const isLive = mode === 'live' || (mode === 'auto' && canRedraw(io));
  const reporter = isLive ? await createLive(io) : createPlainReporter(io);
  return { ...reporter, emit: (event) => reporter.emit(harmless(event)) };
}

/** A terminal that says that it has 0 columns (a serial console, `docker exec -t`) or is dumb cannot have a line drawn anew. */
const canRedraw = ({ stderr, term }: ReporterIo): boolean =>
  stderr.isTTY === true && stderr.columns !== 0 && term !== 'dumb';

/** Its library is loaded only for a terminal. */
const createLive = async (io: ReporterIo): Promise<Reporter> =>
  (await import('./live-reporter.js')).createLiveReporter(io);
