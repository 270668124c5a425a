/** One change made to 255 tunnels is 255 diffs that differ only in what makes each tunnel itself; a reader needs one. */
import type { DiffEvent } from '../events.js';
import type { End } from '../plan/plan.js';

/** The difference of one end of one tunnel. */
export interface EndDiff {
  readonly spoke: string;
  readonly id: number;
  readonly end: End;
  /** Unified diff of the file; empty when only the kernel differs. */
  readonly text: string;
  /** How the kernel differs from the file, one sentence a difference. */
  readonly drift: readonly string[];
  /** This tunnel's own values (name, interface, addresses, …), each with the name of what it is. */
  readonly placeholders: ReadonlyMap<string, string>;
}

/**
 * Groups the diffs that are equal once each tunnel's own values are replaced by their placeholders. Every input is in exactly one
 * group; groups keep the order of their first member, whose real text they show.
 */
export function foldDiffs(diffs: readonly EndDiff[]): DiffEvent[] {
  const groups = new Map<string, [EndDiff, ...EndDiff[]]>();
  for (const diff of diffs) {
    const key = canonicalForm(diff);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [diff]);
    else group.push(diff);
  }
  return [...groups.values()].map((group) => ({
    event: 'diff',
    spokes: group.map(({ spoke }) => spoke),
    ids: group.map(({ id }) => id),
    end: group[0].end,
    text: group[0].text,
    drift: group[0].drift,
  }));
}

/**
 * The diff with the tunnel's own values replaced. It is JSON of literal pieces and placeholders, not text with marks in it: text from
 * a host that happens to look like a mark must not make two different diffs equal.
 */
export function canonicalForm({ end, text, drift, placeholders }: EndDiff): string {
  const pattern = ownValues(placeholders);
  const canonical = (text: string) => pieces(text, pattern, placeholders);
  return JSON.stringify([end, canonical(text), drift.map(canonical)]);
}

type Piece = string | { readonly is: string };

function pieces(text: string, pattern: RegExp | null, placeholders: ReadonlyMap<string, string>): Piece[] {
  if (pattern === null) return [text];
  // Splitting by a pattern with one group leaves literals at even places and the values found at odd ones.
  return text
    .split(pattern)
    .map((piece, place) => (place % 2 === 0 ? piece : { is: placeholders.get(piece) ?? piece }));
}

/**
 * A value counts only as a whole token: not inside a word, nor where a `-`, `.` or `:` joins it to more (`1` is not in `ae00::1`,
 * `tokyo` not in `tokyo-2`), while `tokyo:/etc/…` and a sentence's last word do count. Nor is
 * `6` in `ip -6`, or `64` in the length of `…::1/64`. The longest value wins.
 */
function ownValues(placeholders: ReadonlyMap<string, string>): RegExp | null {
  const values = [...placeholders.keys()].filter((value) => value !== '').sort((a, b) => b.length - a.length);
  if (values.length === 0) return null;
  const either = values.map((value) => value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
  return new RegExp(`(?<!\\w|[\\w: ][-.:]|[0-9a-f:]/(?=\\d))(${either})(?!\\w|[-.:][\\w:])`, 'g');
}
