/** What must hold wherever the protocol comes to rest, and what excuses two ends that differ. */
import type { Exploration } from './explore.js';
import { ENDS, isTakenOver, notesOf, type Note, type World } from './world.js';

export type Property =
  | 'both ends run the same generation'
  | 'what runs is what /etc has'
  | 'no trial is left'
  | 'only doubt over a line cut for ever lasts'
  | 'a takeover comes to its end'
  | 'a hub in doubt obeys'
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
  /** The spoke may confirm after the hub went back if one of these happened. */
  readonly mayConfirmLate: readonly Note[];
  /** The hub may ask for ever though its questions pass. */
  readonly mayAskInVain?: boolean;
  /** An end may run something else than /etc has, also when vxfleet says `changed`, if one of these happened. */
  readonly mayRunOther?: readonly Note[];
}

export function findViolations(
  exploration: Exploration,
  { mayDiffer, mayConfirmLate, mayAskInVain = false, mayRunOther = [] }: Excuses,
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
  check('what runs is what /etc has', resting, (w) => runsOther(w) && !isExcused(w, mayRunOther));
  check('no trial is left', resting, (w) => ENDS.some((end) => w[end].trial !== 'none'));
  check(
    'only doubt over a line cut for ever lasts',
    restless,
    (w) => !isBoundByLine(w) && !(mayAskInVain && isAsking(w)),
  );
  check('a takeover comes to its end', restless, (w) => isTakenOver(w, 'hub'));
  check('a hub in doubt obeys', worlds.keys(), refusesInDoubt);
  check('what is reported is so at both ends', resting, (w) => isMisreported(w) && !isExcused(w, mayRunOther));
  check('the spoke never confirms after the hub went back', worlds.keys(), (w) => {
    return didConfirmLate(w) && !isExcused(w, mayConfirmLate);
  });
  return violations;
}

export const didConfirmLate = ({ decidedTooLate }: World): boolean => decidedTooLate;

export const doEndsDiffer = ({ hub, spoke }: World): boolean => hub.runs !== spoke.runs;

const runsOther = (world: World): boolean => ENDS.some((end) => world[end].runs !== world[end].etc);

/** Until another run changes the tunnel. */
const isMisreported = ({ report, other, hub, spoke }: World): boolean =>
  other !== 'equal' &&
  ((report === 'changed' && !(hub.runs === 'new' && spoke.runs === 'new')) ||
    (report === 'reverted' && !(hub.runs === 'old' && spoke.runs === 'old')));

const isAsking = ({ hub }: World): boolean => hub.trial === 'promised' || hub.trial === 'doubt';

/** The hub has promised, and nothing will ever pass again. */
const isBoundByLine = (world: World): boolean => world.line === 'gone' && isAsking(world);

const refusesInDoubt = ({ hub, step }: World): boolean =>
  hub.trial === 'doubt' && hub.channel === 'refused' && (step === 'confirm hub' || step === 'revert');

/** Those among the notes that alone excuse one of these worlds. */
export function notesNeeded(worlds: readonly World[], among: readonly Note[]): Note[] {
  const excuses = worlds.map((world) => notesOf(world).filter((one) => among.includes(one)));
  return among.filter((note) => excuses.some(([first, second]) => first === note && second === undefined));
}
