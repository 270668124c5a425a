import { VxfleetError } from '../errors.js';
import type { Problem } from './problem.js';

/** A file that cannot be used, with all that is wrong with it. The message only counts: `formatProblems` shows them. */
export class InventoryError extends VxfleetError {
  override readonly name = 'InventoryError';
  /** At least one. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(
      'inventory',
      `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${problems[0]?.file ?? 'the inventory'}`,
    );
    this.problems = problems;
  }
}
