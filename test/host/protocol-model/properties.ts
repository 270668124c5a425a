/** What must hold wherever the protocol comes to rest, and what excuses two ends that differ. */
import type { Exploration } from './explore.js';
import { ENDS, notesOf, type Note, type World } from './world.js';

export type Property =
  | 'both ends run the same generation'
  | 'what runs is what /etc has'
  | 'no trial is left'
  | 'only doubt over a line cut for ever lasts'
  | 'what is reported is so at both ends'
  | 'the spoke never confirms after the hub went back';

/** The nearest world that breaks a property, as the way to it. */
export interface Violation {
  readonly property: Property;
  readonly trace: readonly string[];
}

export interface Excuses {
  /** The two ends may differ if one of these happened. */
  readonly mayDiffer: readonly Note[];
  /** `changed` or `reverted`, said because the hub did so, may be wrong for the spoke if one of these happened. */
  readonly mayMisreport: readonly Note[];
  /** The spoke may confirm after the hub went back if one of these happened. */
  readonly mayConfirmLate: readonly Note[];
}

export function findViolations(
  exploration: Exploration,
  { mayDiffer, mayMisreport, mayConfirmLate }: Excuses,
): Violation[] {
  const { worlds, resting, restless, traceTo } = exploration;
  const violations: Violation[] = [];
  const check = (property: Property, among: Iterable<number>, isBroken: (world: World) => boolean): void => {
    for (const index of among) {
      if (!isBroken(worlds[index]!)) continue;
      violations.push({ property, trace: traceTo(index) });
      return;
    }
  };
  const isExcused = (world: World, by: readonly Note[]): boolean => notesOf(world).some((one) => by.includes(one));

  check('both ends run the same generation', resting, (w) => doEndsDiffer(w) && !isExcused(w, mayDiffer));
  check('what runs is what /etc has', resting, (w) => ENDS.some((end) => w[end].runs !== w[end].etc));
  check('no trial is left', resting, (w) => ENDS.some((end) => w[end].trial !== 'none'));
  check('only doubt over a line cut for ever lasts', restless, (w) => !isBoundByLine(w));
  check('what is reported is so at both ends', resting, (w) => isMisreported(w) && !isExcused(w, mayMisreport));
  check('the spoke never confirms after the hub went back', worlds.keys(), (w) => {
    return w.decidedTooLate && !isExcused(w, mayConfirmLate);
  });
  return violations;
}

export const doEndsDiffer = ({ hub, spoke }: World): boolean => hub.runs !== spoke.runs;

export const isMisreported = ({ report, hub, spoke }: World): boolean =>
  (report === 'changed' && !(hub.runs === 'new' && spoke.runs === 'new')) ||
  (report === 'reverted' && !(hub.runs === 'old' && spoke.runs === 'old'));

/** The hub has promised, and nothing will ever pass again. */
const isBoundByLine = ({ hub, line }: World): boolean =>
  line === 'gone' && (hub.trial === 'promised' || hub.trial === 'doubt');

const DOUBT: Note = 'the hub had to find out';

/** The smallest sets of things that happened with which the protocol rests so. Doubt itself counts only where it is enough. */
export function reasonsFor(isSo: (world: World) => boolean, { worlds, resting }: Exploration): string[] {
  const sets = new Set(resting.map((index) => worlds[index]!).flatMap((w) => (isSo(w) ? [w.notes] : [])));
  const isSmallest = (notes: number): boolean => ![...sets].some((few) => few !== notes && (few & notes) === few);
  return [...sets]
    .filter(isSmallest)
    .map((notes) => notesOf({ notes }))
    .map((names) => (names.length > 1 ? names.filter((name) => name !== DOUBT) : names).join(' and '))
    .sort();
}
