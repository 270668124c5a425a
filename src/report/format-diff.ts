/** A diff event for people: which tunnels it stands for, the diff, and the drift. */
import { formatInterfaceRanges } from '../diff/interface-ranges.js';
import type { DiffEvent } from '../events.js';
import { colorDiff } from './color-diff.js';
import type { Paint } from './paint.js';

/** Text ending in a newline. */
export function formatDiff(diff: DiffEvent, paint: Paint): string {
  const diffText = diff.text.replace(/\n$/, '');
  const drift = diff.drift.map((sentence) => `drift: ${sentence}`);
  const lines = [
    paint('bold', heading(diff)),
    ...(diffText === '' ? [] : [colorDiff(diffText, paint)]),
    ...drift.map((line) => paint('yellow', line)),
  ];
  return `${lines.join('\n')}\n\n`;
}

function heading({ spokes, ids, end }: DiffEvent): string {
  const interfaces = formatInterfaceRanges(ids);
  const [first = ''] = spokes;
  const where = end === 'hub' ? 'at the hub' : 'at the spoke';
  return spokes.length > 1
    ? `# ${interfaces} (${spokes.length} tunnels, shown for ${first}) ${where}`
    : `# ${first} ${interfaces} ${where}`;
}
