/** The difference between a live file and the desired one, as `diff -u` writes it. */
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

/** What the two sides are called in the header, such as `tokyo:/etc/network/interfaces.d/vxlan01`. */
export interface DiffLabels {
  readonly oldLabel: string;
  readonly newLabel: string;
}

/**
 * Unified diff with three lines of context; null stands for a file that does not exist, and its label becomes `/dev/null`.
 * Empty when nothing differs. An empty file that appears or disappears has a header and no hunk.
 */
export function unifiedDiff(oldText: string | null, newText: string | null, labels: DiffLabels): string {
  if (oldText === newText) return '';
  const oldLabel = oldText === null ? '/dev/null' : labels.oldLabel;
  const newLabel = newText === null ? '/dev/null' : labels.newLabel;
  const patch = createTwoFilesPatch(oldLabel, newLabel, oldText ?? '', newText ?? '', undefined, undefined, {
    headerOptions: FILE_HEADERS_ONLY,
    context: 3,
    maxEditLength: MOST_EDITS,
  });
  return patch ?? `--- ${oldLabel}\n+++ ${newLabel}\n${replacement(oldText ?? '', newText ?? '')}`;
}

/** Lines that come and go. Finding them takes the square of their number, and a file with more has nothing to do with ours. */
const MOST_EDITS = 2000;

/** All of one for all of the other. */
function replacement(oldText: string, newText: string): string {
  const [old, next] = [oldText, newText].map((text) => (text === '' ? [] : text.replace(/\n$/, '').split('\n')));
  const lines = [...(old ?? []).map((line) => `-${line}`), ...(next ?? []).map((line) => `+${line}`)];
  return `@@ -1,${old?.length ?? 0} +1,${next?.length ?? 0} @@\n${lines.map((line) => `${line}\n`).join('')}`;
}
