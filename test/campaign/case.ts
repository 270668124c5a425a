/** One run of the campaign, and what came of it. */
import type { LabImage } from '../../src/lab/lab-state.js';
import type { Fault } from './fault.js';
import type { Point } from './points.js';

export interface Case {
  /** Its number in the campaign. */
  readonly index: number;
  /** For all that is random within it. */
  readonly seed: number;
  readonly fault: Fault;
  /** Undefined: the fault is in what is deployed. */
  readonly point: Point | undefined;
}

export type Verdict =
  /** All that the contract demands, in time. */
  | 'ok'
  /** What the contract leaves to the next deploy was left, and that deploy put it right. */
  | 'repaired'
  /** The change never came to the point: nothing was tested. */
  | 'missed'
  | 'violation';

export interface CaseOutcome {
  readonly plan: Case;
  readonly verdict: Verdict;
  /** What the contract demands and was not so, a sentence each. */
  readonly violations: readonly string[];
  /** What was left to the next deploy. */
  readonly left: readonly string[];
  /** How vxfleet ended, as status or exit code; how long all of it took. */
  readonly ending: string;
  readonly seconds: number;
  /** Files of evidence by name. */
  readonly evidence: Readonly<Record<string, string>>;
}

export interface CaseResult extends CaseOutcome {
  /** What the hosts ran. */
  readonly image: LabImage;
}
