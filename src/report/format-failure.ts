/** One tunnel's failure, for a person: what failed, at which end, why, and what to do next. */
import type { CommandName, TunnelFailure, TunnelResult } from '../events.js';
import { formatInterfaceRanges } from '../diff/interface-ranges.js';
import { oneLine, wrapToWidth } from './fit-width.js';
import type { Paint } from './paint.js';
import { statusColour, statusMeaning, statusWord, wordsOf } from './status-text.js';

/**
 * What tells one shared failure from another; null for a failure that is the tunnel's own. A hub that cannot be reached fails every tunnel
 * of the fleet for one reason, a jump host those of the spokes behind it, a person whatever is under way, and that is told once.
 */
export const sharedFailure = ({ status, ends, put_back, error, checks }: TunnelResult): string | null =>
  (error?.end === 'hub' || isOnTheWay(error) || error?.code === 'interrupted') && checks.length === 0
    ? JSON.stringify([status, ends, put_back, error])
    : null;

/** Is it about neither end, but about what lies between us and a host? */
const isOnTheWay = (error: TunnelFailure | null): boolean => error?.end === null && error.layer === 'ssh';

export interface FailureFormat {
  readonly command: CommandName;
  readonly paint: Paint;
  /** Columns, beyond which lines are wrapped by words. Default: as long as they are. */
  readonly width?: number;
}

/**
 * Lines without newlines; the first names the tunnel and its status, the others are indented. Facts come first, advice last.
 * @param alike further tunnels that failed in the same way (sharedFailure)
 */
export function formatFailure(
  result: TunnelResult,
  { command, paint, width = Infinity }: FailureFormat,
  alike: readonly TunnelResult[] = [],
): string[] {
  const { error, status } = result;
  const wrap = (lines: readonly string[]): string[] => lines.flatMap((line) => wrapToWidth(line, width));
  return [
    ...heading(result, { command, paint, width }, alike),
    ...wrap([
      ...field('failed', whatFailed(result)),
      ...field('why', error === null ? 'no reason was given' : error.message),
      ...(status === 'unknown'
        ? field('ends', `hub ${wordsOf(result.ends.hub)}, ${result.spoke} ${wordsOf(result.ends.spoke)}`)
        : []),
      ...unanswered(result),
    ]),
    ...wrap(field('next', error?.hint ?? defaultHint(result))).map((line) => paint('cyan', line)),
  ];
}

/** The failure in one line, for where all of it is told later. */
export function failureLine(result: TunnelResult, command: CommandName): string {
  const reason = result.error === null ? [] : [oneLine(result.error.message)];
  return [`${result.spoke} (${result.interface}) ${statusWord(result.status, command)}`, ...reason].join(': ');
}

function heading(
  result: TunnelResult,
  { command, paint, width }: Required<FailureFormat>,
  alike: readonly TunnelResult[],
): string[] {
  const name = alike.length === 0 ? result.spoke : `${alike.length + 1} tunnels`;
  const interfaces = formatInterfaceRanges([result, ...alike].map(({ id }) => id));
  const word = statusWord(result.status, command);
  const meaning = statusMeaning(result, command);
  const subject = `${name} (${interfaces}) ${word}`;
  const [first = '', ...rest] = wrapToWidth(meaning === null ? subject : `${subject}: ${meaning}`, width);
  // Colour codes have no width: they come after the wrapping, where the words that they belong to stand on one line.
  if (!first.startsWith(subject)) return [first, ...rest];
  const painted = `${paint('bold', name)} (${interfaces}) ${paint(statusColour(result.status), word)}`;
  return [painted + first.slice(subject.length), ...rest];
}

/** Wide enough for the longest field name and a gap. */
const FIELD_WIDTH = 8;

function field(name: string, text: string): string[] {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  return [`  ${name.padEnd(FIELD_WIDTH)}${first}`, ...rest.map((line) => `  ${' '.repeat(FIELD_WIDTH)}${line}`)];
}

function whatFailed({ error, spoke }: TunnelResult): string {
  if (error === null) return 'unspecified';
  if (error.code === 'interrupted') return error.code;
  const place = placeOf(error, spoke);
  return error.layer === null ? `${error.code}, ${place}` : `${error.layer}, ${place} (${error.code})`;
}

function placeOf(error: TunnelFailure, spoke: string): string {
  if (error.end !== null) return error.end === 'hub' ? 'at the hub' : `at ${spoke}`;
  return isOnTheWay(error) ? 'on the way to the host' : 'between the ends';
}

function unanswered({ checks: own, transit, spoke }: TunnelResult): string[] {
  const checks = [...own, ...(transit === null ? [] : [transit])];
  const failed = checks.filter((check) => !check.ok);
  if (failed.length > 1 && failed.length === checks.length) {
    const sizes = [...new Set(failed.map(({ bytes }) => bytes))];
    return field('check', `no answer to any of the ${failed.length} checks, ${sizes.join(' and ')} bytes`);
  }
  return failed.flatMap((check) => {
    const from = check.from === 'hub' ? 'hub' : spoke;
    const text = `no answer: ${check.prefix} from ${from}, ${check.source} to ${check.target}, ${check.bytes} bytes`;
    return field('check', text);
  });
}

function defaultHint({ status, spoke }: TunnelResult): string {
  if (status === 'unknown')
    return `vxfleet verify ${spoke}   # says which end answers; do not trust the tunnel until it does`;
  if (status === 'unreachable') return `make the host answer over SSH, then run the command again for ${spoke}`;
  return `vxfleet verify ${spoke}   # says which layer fails now`;
}
