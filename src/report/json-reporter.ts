/** Every event as one line of JSON on stdout, the recap last; stderr stays silent. */
import type { EndedRecap, ErrorEvent, RunEvent } from '../events.js';
import { flush } from './output-stream.js';
import { escapeJson } from '../printable.js';
import type { Reporter, ReporterIo } from './reporter-io.js';

export function createJsonReporter({ stdout, verbose }: ReporterIo): Reporter {
  let isOver = false;
  return {
    emit: (event) => {
      // A reader stops at the recap; what a late worker still says must not come after it.
      if (isOver || (event.event === 'trace' && !verbose)) return;
      isOver = event.event === 'recap';
      stdout.write(`${jsonLine(event)}\n`);
    },
    finish: () => flush(stdout),
  };
}

/** `event` is the first key, and what is absent is null: a reader finds every key on every line of a kind. */
export function jsonLine(event: RunEvent | ErrorEvent | EndedRecap): string {
  const { event: kind, ...rest } = event;
  return escapeJson(
    JSON.stringify({ event: kind, ...rest }, (_, value: unknown) => (value === undefined ? null : value)),
  );
}
