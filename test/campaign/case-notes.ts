/** What is found out in the course of a run. */
import { ENDS } from '../../src/plan/plan.js';
import type { Verdict } from './case.js';
import type { Fault } from './fault.js';
import type { Problem, Snapshots } from './judge.js';

/** What each of a fault's allowances covers. */
const LEFT: Readonly<Record<NonNullable<Fault['leaves']>, readonly Problem['kind'][]>> = {
  files: ['state', 'remains'],
  tunnel: ['tunnel', 'state'],
  everything: ['tunnel', 'state', 'remains'],
};

export class CaseNotes {
  readonly violations: string[] = [];
  /** What the contract leaves to the next deploy, or to the end of the fault. */
  readonly left: string[] = [];
  readonly evidence: Record<string, string> = {};
  readonly #leaves: Fault['leaves'];

  constructor({ leaves }: Fault) {
    this.#leaves = leaves;
  }

  blame(texts: readonly string[]): void {
    this.violations.push(...texts.filter((text) => !this.violations.includes(text)));
  }

  /** What the contract leaves to the next deploy is no violation unless that deploy does not put it right. */
  accept(problems: readonly Problem[]): void {
    for (const { kind, text } of problems) {
      if (this.#leaves === undefined || !LEFT[this.#leaves].includes(kind)) this.blame([text]);
      else if (!this.left.includes(text)) this.left.push(text);
    }
  }

  keepSnapshots(title: string, snapshots: Snapshots): void {
    for (const end of ENDS) this.evidence[`${title}.${end}`] = snapshots[end]?.text ?? 'no answer';
  }

  verdict(wasReached: boolean): Verdict {
    if (this.violations.length > 0) return 'violation';
    if (!wasReached) return 'missed';
    return this.left.length > 0 ? 'repaired' : 'ok';
  }
}
