/** What hosts, files and programs have said in an event can be read on a terminal, and can do nothing else to it. */
import type { RunEvent } from '../events.js';
import { printable, printableLine, visible } from '../printable.js';

/** Characters of any text; what is longer is cut. */
const LONGEST = 4000;

/** Of a file nothing is dropped: a diff hides no difference. */
export const harmless = (event: RunEvent): RunEvent =>
  event.event === 'diff'
    ? { ...(withoutHarm(event, printableLine) as typeof event), text: visible(event.text) }
    : (withoutHarm(event, printableLine) as RunEvent);

function withoutHarm(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return cut(clean(value));
  if (Array.isArray(value)) return value.map((one) => withoutHarm(one, clean));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    // What a failure says may have several lines, which a reporter sets apart by itself.
    Object.entries(value).map(([name, one]) => [name, withoutHarm(one, name === 'error' ? printable : clean)]),
  );
}

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
