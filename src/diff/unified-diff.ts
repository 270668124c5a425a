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
  return createTwoFilesPatch(
    oldText === null ? '/dev/null' : labels.oldLabel,
    newText === null ? '/dev/null' : labels.newLabel,
    oldText ?? '',
    newText ?? '',
    undefined,
    undefined,
    { headerOptions: FILE_HEADERS_ONLY, context: 3 },
  );
}
