/** One tunnel's failure, for a person: what failed, at which end, why, and what to do next. */
import type { CommandName, TunnelFailure, TunnelResult } from '../events.js';
import { formatInterfaceRanges } from '../diff/interface-ranges.js';
import type { Paint } from './paint.js';
import { printable, printableLine } from './printable.js';
import { statusColour, statusMeaning, statusWord, wordsOf } from './status-text.js';

/**
 * What tells one shared failure from another; null for a failure that is the tunnel's own. A hub that cannot be reached fails every tunnel
 * of the fleet for one reason, a jump host those of the spokes behind it, and that is told once.
 */
export const sharedFailure = ({ status, ends, error, checks }: TunnelResult): string | null =>
  (error?.end === 'hub' || isOnTheWay(error)) && checks.length === 0 ? JSON.stringify([status, ends, error]) : null;

/** Is it about neither end, but about what lies between us and a host? */
const isOnTheWay = (error: TunnelFailure | null): boolean => error?.end === null && error.layer === 'ssh';

/**
 * Lines without newlines; the first names the tunnel and its status, the others are indented. Facts come first, advice last.
 * @param alike further tunnels that failed in the same way (sharedFailure)
 */
export function formatFailure(
  result: TunnelResult,
  command: CommandName,
  paint: Paint,
  alike: readonly TunnelResult[] = [],
): string[] {
  const { error, status } = result;
  const name = alike.length === 0 ? result.spoke : `${alike.length + 1} tunnels`;
  const interfaces = formatInterfaceRanges([result, ...alike].map(({ id }) => id));
  const meaning = statusMeaning(result, command);
  const word = paint(statusColour(status), statusWord(status, command));
  return [
    `${paint('bold', name)} (${interfaces}) ${word}${meaning === null ? '' : `: ${meaning}`}`,
    ...field('failed', whatFailed(result)),
    ...field('why', error === null ? 'no reason was given' : error.message),
    ...(status === 'unknown'
      ? field('ends', `hub ${wordsOf(result.ends.hub)}, ${result.spoke} ${wordsOf(result.ends.spoke)}`)
      : []),
    ...unanswered(result),
    ...field('next', error?.hint ?? defaultHint(result)).map((line) => paint('cyan', line)),
  ];
}

/** Wide enough for the longest field name and a gap. */
const FIELD_WIDTH = 8;

function field(name: string, text: string): string[] {
  const [first = '', ...rest] = printable(text).trimEnd().split('\n');
  return [`  ${name.padEnd(FIELD_WIDTH)}${first}`, ...rest.map((line) => `  ${' '.repeat(FIELD_WIDTH)}${line}`)];
}

function whatFailed({ error, spoke }: TunnelResult): string {
  if (error === null) return 'unspecified';
  const place = placeOf(error, spoke);
  return error.layer === null ? `${error.code}, ${place}` : `${error.layer}, ${place} (${error.code})`;
}

function placeOf(error: TunnelFailure, spoke: string): string {
  if (error.end !== null) return error.end === 'hub' ? 'at the hub' : `at ${spoke}`;
  return isOnTheWay(error) ? 'on the way to the host' : 'between the ends';
}

function unanswered({ checks, spoke }: TunnelResult): string[] {
  return checks
    .filter((check) => !check.ok)
    .flatMap((check) => {
      const from = check.from === 'hub' ? 'hub' : spoke;
      const text = `no answer: ${check.prefix} from ${from}, ${check.source} to ${check.target}, ${check.bytes} bytes`;
      return field('check', printableLine(text));
    });
}

function defaultHint({ status, spoke }: TunnelResult): string {
  if (status === 'unknown')
    return `vxfleet verify ${spoke}   # says which end answers; do not trust the tunnel until it does`;
  if (status === 'unreachable') return `make the host answer over SSH, then run the command again for ${spoke}`;
  return `vxfleet verify ${spoke}   # says which layer fails now`;
}
