/** One event as plain text for stderr: words in columns, nothing that differs between two equal runs. */
import type { CommandName, RunEvent, TunnelResult } from '../events.js';
import { formatDuration } from './format-duration.js';
import { formatFailure } from './format-failure.js';
import type { Paint } from './paint.js';
import { isFailure, statusColour, statusWord } from './status-text.js';

export interface PlainOptions {
  readonly command: CommandName;
  /** Show trace events. */
  readonly verbose: boolean;
  readonly paint: Paint;
  /** The same failure of the hub has been told in full already. */
  readonly isRepeated?: boolean;
  /** The recap, with every failure in full, comes to the same terminal. */
  readonly isToldLater?: boolean;
}

/** A line has to be written before the next name is known: most names fit this, a longer one only shifts its own line. */
const NAME_WIDTH = 8;
const INTERFACE_WIDTH = 8;

/** The event's lines, without newlines; none for what is data (diff, timings, recap), or not asked for (trace). */
export function plainLines(
  event: RunEvent,
  { command, verbose, paint, isRepeated = false, isToldLater = false }: PlainOptions,
): string[] {
  switch (event.event) {
    case 'start':
      return [`${event.command} of ${event.total} ${event.total === 1 ? 'tunnel' : 'tunnels'}, run ${event.run}`];
    case 'hub':
      return [columns('hub', '-', event.step, event.message)];
    case 'step':
      // What is over in a moment, and follows from the line before.
      if (!verbose && (event.step === 'inspect' || event.step === 'prepare')) return [];
      return [columns(event.spoke, event.interface, event.step)];
    case 'tunnel':
      return isFailure(event) && !isRepeated && !isToldLater
        ? [tunnelLine(event, command, paint), ...formatFailure(event, { command, paint }).slice(1)]
        : [tunnelLine(event, command, paint)];
    case 'notice':
      return [`${event.level === 'warning' ? paint('yellow', 'warning:') : 'notice:'} ${event.message}`];
    case 'trace':
      return verbose ? [paint('dim', `trace: ${event.message}`)] : [];
    case 'diff':
    case 'timings':
    case 'recap':
      return [];
  }
}

function tunnelLine(result: TunnelResult, command: CommandName, paint: Paint): string {
  const word = paint(statusColour(result.status), statusWord(result.status, command));
  const down = result.down_ms === null ? '' : `down ${formatDuration(result.down_ms)}`;
  return columns(result.spoke, result.interface, word, down);
}

const columns = (name: string, iface: string, word: string, detail = ''): string =>
  `${name.padEnd(NAME_WIDTH)} ${iface.padEnd(INTERFACE_WIDTH)} ${word}${detail === '' ? '' : `  ${detail}`}`;
