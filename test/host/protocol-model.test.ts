/**
 * docs/protocol.md as a model, small enough that every interleaving of its messages, deadlines and questions is walked, with up to
 * two faults wherever a fault can happen (MODEL_FAULTS=2 walks two in the side cases too, MODEL_FAULTS=3 three, in minutes). The states
 * of a trial move by the table of the host program alone.
 */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { explore, type Exploration } from './protocol-model/explore.js';
import {
  didConfirmLate,
  doEndsDiffer,
  findViolations,
  notesNeeded,
  type Excuses,
  type Property,
} from './protocol-model/properties.js';
import { DOCUMENTED, type Rules } from './protocol-model/rules.js';
import { movesOfHostProgram, TRANSITIONS, usedTransitions } from './protocol-model/transitions.js';
import type { Note, Variant } from './protocol-model/world.js';

const SAME: Property = 'both ends run the same generation';

const FAULTS = Number(process.env['MODEL_FAULTS'] ?? 2);
/** In the side cases, to keep the test short: they differ in what the hub was told, or in what there is to ask. */
const SIDE_FAULTS = Number(process.env['MODEL_FAULTS'] ?? 1);
/** A rule that is taken away is missed with fewer. */
const MUTATION_FAULTS = 1;

const HUB_REBOOTED: Note = 'the hub rebooted between its promise and its rename into /etc';
const SPOKE_REBOOTED: Note = 'the spoke rebooted when it had confirmed';
const ORDERED: Note = 'a takeover ordered the hub to go back';
const MARKER_EXPIRED: Note = 'the line was cut for longer than the marker lives';
const QUESTION_LOST: Note = 'a question was lost';
const ALONE: Note = 'the hub decided by itself';
const NO_GUARD: Note = "the spoke's guard was killed";

interface Case extends Excuses {
  readonly variant: Variant;
  readonly faults: number;
}

/** These take three faults. */
const RARE = FAULTS > 2 ? [ORDERED, NO_GUARD] : [];
const EVERYWHERE = [HUB_REBOOTED, ...RARE];

const INCOMPATIBLE: Case = {
  variant: {
    title: 'old and new cannot talk to each other',
    isCompatible: 'no',
    crossing: 'nothing',
    nothing: null,
    hasOldPeer: true,
  },
  faults: FAULTS,
  mayDiffer: [...EVERYWHERE, NO_GUARD, ORDERED],
  mayConfirmLate: [HUB_REBOOTED, ...RARE],
};
/** Here ends that differ are not dead: they answer each other. */
const COMPATIBLE: Case = {
  variant: {
    title: 'old and new can talk to each other',
    isCompatible: 'yes',
    crossing: 'everything',
    nothing: null,
    hasOldPeer: true,
  },
  faults: FAULTS,
  mayDiffer: [...EVERYWHERE, NO_GUARD, ORDERED, SPOKE_REBOOTED, MARKER_EXPIRED],
  mayConfirmLate: [HUB_REBOOTED, ...RARE, NO_GUARD],
};
const NEW_TUNNEL: Case = {
  variant: {
    title: 'a tunnel is new, or did not answer before',
    isCompatible: 'no',
    crossing: 'nothing',
    nothing: 'old',
    hasOldPeer: false,
  },
  faults: SIDE_FAULTS,
  mayDiffer: [...EVERYWHERE, NO_GUARD, QUESTION_LOST],
  mayConfirmLate: [HUB_REBOOTED, ...RARE],
};
const REMOVAL: Case = {
  variant: { title: 'a tunnel is removed', isCompatible: 'no', crossing: 'nothing', nothing: 'new', hasOldPeer: true },
  faults: SIDE_FAULTS,
  mayDiffer: [...EVERYWHERE, ALONE],
  mayConfirmLate: [HUB_REBOOTED, ...RARE, NO_GUARD],
};
const BROKEN: Case = {
  ...COMPATIBLE,
  variant: {
    ...COMPATIBLE.variant,
    title: "they could, but the spoke's old end answers nobody",
    crossing: 'the marker',
    hasOldPeer: false,
  },
  faults: SIDE_FAULTS,
  mayAskInVain: true,
};
const RENUMBERED: Case = {
  ...INCOMPATIBLE,
  variant: {
    ...INCOMPATIBLE.variant,
    title: "only the spoke's address differs",
    isCompatible: 'but for the address',
    crossing: 'the marker',
  },
  faults: SIDE_FAULTS,
};
const TWO_ADDRESSES: Case = {
  ...INCOMPATIBLE,
  variant: { ...INCOMPATIBLE.variant, title: 'they can, which the hub does not know', crossing: 'everything' },
  faults: SIDE_FAULTS,
  mayDiffer: [...EVERYWHERE, NO_GUARD, QUESTION_LOST, SPOKE_REBOOTED, MARKER_EXPIRED],
  mayConfirmLate: [HUB_REBOOTED, ...RARE, NO_GUARD, QUESTION_LOST],
};
const CASES = [INCOMPATIBLE, COMPATIBLE, NEW_TUNNEL, REMOVAL, BROKEN, RENUMBERED, TWO_ADDRESSES];

// Other tests may have the machine.
vi.setConfig({ testTimeout: 60_000 });

const documented = new Map<Case, Exploration>();
beforeAll(() => {
  for (const one of CASES) documented.set(one, explore(one.variant, DOCUMENTED, one.faults));
}, 600_000);

describe.each(CASES)('$variant.title', (one) => {
  it('comes to rest as promised, whatever happens', () => {
    const walked = documented.get(one)!;
    console.info(`${one.variant.title}: ${walked.worlds.length} states, ${walked.resting.length} of them at rest`);
    expect(describeViolations(walked, one)).toEqual([]);
  });

  it.skipIf(one.faults !== 2)('has no exception that it does not need', () => {
    const { worlds, resting } = documented.get(one)!;
    const atRest = resting.map((index) => worlds[index]!);
    expect(notesNeeded(atRest.filter(doEndsDiffer), one.mayDiffer)).toEqual(one.mayDiffer);
    expect(notesNeeded(worlds.filter(didConfirmLate), one.mayConfirmLate)).toEqual(one.mayConfirmLate);
  });

  it('has no exception but that the hub decides by itself when only time passes', () => {
    const excuses = { ...one, mayDiffer: one.mayDiffer.filter((note) => note === ALONE), mayConfirmLate: [] };
    expect(describeViolations(explore(one.variant, DOCUMENTED, 0), excuses)).toEqual([]);
  });
});

/** By the rules this one is walked as COMPATIBLE is. */
const UNANSWERED: Case = { ...COMPATIBLE, variant: { ...COMPATIBLE.variant, hasOldPeer: false } };

const without = (one: Case, ...gone: readonly Note[]): Case => ({
  ...one,
  mayDiffer: one.mayDiffer.filter((note) => !gone.includes(note)),
  mayConfirmLate: one.mayConfirmLate.filter((note) => !gone.includes(note)),
});

/** A rule taken away, and what then breaks. */
const MUTATIONS: readonly (readonly [string, Partial<Rules>, Case, Property])[] = [
  ['no promise', { hasPromise: false }, INCOMPATIBLE, SAME],
  ['the hub confirmed first', { confirmsSpokeFirst: false }, INCOMPATIBLE, SAME],
  ["a spoke's window as long as the hub's", { spokeWindowIsShorter: false }, INCOMPATIBLE, SAME],
  ['a hub that goes back on silence', { silenceDecidesNothing: false }, INCOMPATIBLE, SAME],
  ['a hub that does not wait for the deadline', { waitsForDeadline: false }, INCOMPATIBLE, SAME],
  ['a marker before the rename', { marksAfterRename: false }, INCOMPATIBLE, SAME],
  ['no marker', { marksSpoke: false }, COMPATIBLE, SAME],
  ['a guard that shows no marker', { guardMarks: false }, COMPATIBLE, SAME],
  ['ends that can talk across generations asked on both', { compatibleIsAskedOnce: false }, COMPATIBLE, SAME],
  ['a revert after a confirm without answer', { unansweredConfirmRevertsNothing: false }, INCOMPATIBLE, SAME],
  ['a hub in doubt that does not obey', { wordSettlesDoubt: false }, INCOMPATIBLE, 'a hub in doubt obeys'],
  [
    'an address that is not compared',
    { addressIsCompared: false },
    RENUMBERED,
    'only doubt over a line cut for ever lasts',
  ],
  ['ends that did not answer before asked on the new end alone', { compatibleComesFirst: false }, UNANSWERED, SAME],
  ['a confirm said twice that does not wait', { confirmWaits: false }, INCOMPATIBLE, SAME],
  ['a confirm that refuses for a dead one', { confirmGoesOn: false }, INCOMPATIBLE, SAME],
  ['a refusal of a spoke that knows nothing', { refusalIsKnown: false }, INCOMPATIBLE, SAME],
  ['a guard that is not replaced', { guardIsReplaced: false }, without(INCOMPATIBLE, NO_GUARD), SAME],
  ['a report of what the hub did', { settledIsProven: false }, REMOVAL, 'what is reported is so at both ends'],
];

describe('a rule that is taken away is missed', () => {
  it.each(MUTATIONS)('%s', (_, change, one, property) => {
    const breaks = (faults: number) =>
      brokenIn(explore(one.variant, { ...DOCUMENTED, ...change }, faults), one).includes(property);
    expect(breaks(0) || breaks(MUTATION_FAULTS)).toBe(true);
  });

  it('no deploy that takes over', () => {
    const walked = explore(INCOMPATIBLE.variant, { ...DOCUMENTED, takesOver: false }, 2, 'at the hub');
    expect(brokenIn(walked, INCOMPATIBLE)).toContain('no trial is left');
  });

  it('nothing of the whole tunnel while a run lives at one end', () => {
    const walked = explore(INCOMPATIBLE.variant, { ...DOCUMENTED, takesWholeTunnel: false }, 2, 'at the hub');
    expect(brokenIn(walked, INCOMPATIBLE)).toContain('the spoke never confirms after the hub went back');
  });

  it('no new end that is put up again by whoever completes', () => {
    const walked = explore(INCOMPATIBLE.variant, { ...DOCUMENTED, completePutsUp: false }, 2, 'at the hub');
    expect(describeViolations(walked, INCOMPATIBLE)).not.toEqual([]);
  });

  it('no end of a takeover', () => {
    const walked = explore(BROKEN.variant, { ...DOCUMENTED, takeoverHasLimit: false }, 2, 'at the hub');
    expect(brokenIn(walked, BROKEN)).toContain('a takeover comes to its end');
  });

  it.each([true, false])('a lost session is taken up again: %s', (reconnects) => {
    const { worlds } = reconnects
      ? documented.get(INCOMPATIBLE)!
      : explore(INCOMPATIBLE.variant, { ...DOCUMENTED, reconnects }, MUTATION_FAULTS);
    expect(worlds.some(({ report, spoke }) => report === 'changed' && spoke.session === 'second lost')).toBe(
      reconnects,
    );
  });
});

describe('the table of states in the host program', () => {
  it('has no entry that no run goes through', () => {
    expect(TRANSITIONS.length).toBeGreaterThan(0);
    expect(TRANSITIONS.filter((pair) => !usedTransitions.has(pair))).toEqual([]);
  });

  it('has every move that the host program makes', () => {
    const moves = movesOfHostProgram();
    expect(moves).toContain('armed>promised');
    expect(moves.filter((pair) => !TRANSITIONS.includes(pair))).toEqual([]);
  });
});

const brokenIn = (exploration: Exploration, excuses: Excuses): Property[] =>
  findViolations(exploration, excuses).map(({ property }) => property);

const describeViolations = (exploration: Exploration, excuses: Excuses): string[] =>
  findViolations(exploration, excuses).map(({ property, trace }) => [`BROKEN: ${property}`, ...trace].join('\n  '));
