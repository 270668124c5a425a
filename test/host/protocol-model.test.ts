/**
 * docs/protocol.md as a model, small enough that every interleaving of its messages, deadlines and questions is walked, with up to
 * three faults wherever a fault can happen. The states of a trial move by the table of host.bash alone.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { explore, type Exploration } from './protocol-model/explore.js';
import {
  doEndsDiffer,
  findViolations,
  isMisreported,
  reasonsFor,
  type Excuses,
  type Property,
} from './protocol-model/properties.js';
import { DOCUMENTED, type Rules } from './protocol-model/rules.js';
import { movesOfHostProgram, TRANSITIONS, usedTransitions } from './protocol-model/transitions.js';
import type { Note, Variant } from './protocol-model/world.js';

const SAME: Property = 'both ends run the same generation';

const FAULTS = 3;
/** A rule that is taken away is missed with fewer. */
const MUTATION_FAULTS = 1;

const HUB_REBOOTED: Note = 'the hub rebooted between its promise and its rename into /etc';
const SPOKE_REBOOTED: Note = 'the spoke rebooted when it had confirmed';
const NO_MARKER_SET: Note = "the spoke's program was killed before it set the marker";
const MARKER_EXPIRED: Note = 'the line was cut for longer than the marker lives';
const QUESTION_LOST: Note = 'a question was lost';
const DOUBT: Note = 'the hub had to find out';

interface Case extends Excuses {
  readonly variant: Variant;
}

const INCOMPATIBLE: Case = {
  variant: { title: 'old and new cannot talk to each other', areCompatible: false, nothing: null },
  mayDiffer: [HUB_REBOOTED],
  mayMisreport: [],
  mayConfirmLate: [HUB_REBOOTED],
};
/** Here ends that differ are not dead: they answer each other. */
const COMPATIBLE: Case = {
  variant: { title: 'old and new can talk to each other', areCompatible: true, nothing: null },
  mayDiffer: [HUB_REBOOTED, SPOKE_REBOOTED, NO_MARKER_SET, MARKER_EXPIRED, QUESTION_LOST],
  mayMisreport: [SPOKE_REBOOTED, NO_MARKER_SET, MARKER_EXPIRED, QUESTION_LOST],
  mayConfirmLate: [HUB_REBOOTED, QUESTION_LOST],
};
const NEW_TUNNEL: Case = {
  variant: { title: 'a tunnel is new', areCompatible: false, nothing: 'old' },
  mayDiffer: [HUB_REBOOTED, QUESTION_LOST],
  mayMisreport: [QUESTION_LOST],
  mayConfirmLate: [HUB_REBOOTED],
};
const REMOVAL: Case = {
  variant: { title: 'a tunnel is removed', areCompatible: false, nothing: 'new' },
  mayDiffer: [HUB_REBOOTED, DOUBT],
  mayMisreport: [DOUBT],
  mayConfirmLate: [HUB_REBOOTED],
};
const CASES = [INCOMPATIBLE, COMPATIBLE, NEW_TUNNEL, REMOVAL];

const documented = new Map<Case, Exploration>();
beforeAll(() => {
  for (const one of CASES) documented.set(one, explore(one.variant, DOCUMENTED, FAULTS));
}, 60_000);

describe.each(CASES)('$variant.title', (one) => {
  it('comes to rest as promised, whatever happens', () => {
    const walked = documented.get(one)!;
    console.info(`${one.variant.title}: ${walked.worlds.length} states, ${walked.resting.length} of them at rest`);
    expect(describeViolations(walked, one)).toEqual([]);
  });

  it('has no exception that does not happen, each by itself', () => {
    const walked = documented.get(one)!;
    expect(reasonsFor(doEndsDiffer, walked)).toEqual([...one.mayDiffer].sort());
    expect(reasonsFor(isMisreported, walked)).toEqual([...one.mayMisreport].sort());
  });

  it('has no exception but doubt when only time passes', () => {
    const onlyDoubt = (notes: readonly Note[]): Note[] => notes.filter((note) => note === DOUBT);
    const excuses = {
      mayDiffer: onlyDoubt(one.mayDiffer),
      mayMisreport: onlyDoubt(one.mayMisreport),
      mayConfirmLate: [],
    };
    expect(describeViolations(explore(one.variant, DOCUMENTED, 0), excuses)).toEqual([]);
  });
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
  ['a revert after a confirm without answer', { unansweredConfirmRevertsNothing: false }, INCOMPATIBLE, SAME],
];

describe('a rule that is taken away is missed', () => {
  it.each(MUTATIONS)('%s', (_, change, one, property) => {
    const violations = findViolations(explore(one.variant, { ...DOCUMENTED, ...change }, MUTATION_FAULTS), one);
    expect(violations.map((violation) => violation.property)).toContain(property);
  });
});

const without = (notes: readonly Note[], gone: Note): Note[] => notes.filter((note) => note !== gone);

/** What would make exceptions fewer. */
const ADDITIONS: readonly (readonly [string, Partial<Rules>, Case, Excuses])[] = [
  [
    'a guard that sets the marker too',
    { guardMarks: true },
    COMPATIBLE,
    {
      mayDiffer: without(COMPATIBLE.mayDiffer, NO_MARKER_SET),
      mayMisreport: without(COMPATIBLE.mayMisreport, NO_MARKER_SET),
      mayConfirmLate: COMPATIBLE.mayConfirmLate,
    },
  ],
  [
    'ends that can talk across generations asked on one end',
    { compatibleIsAskedOnce: true },
    COMPATIBLE,
    {
      mayDiffer: without(COMPATIBLE.mayDiffer, QUESTION_LOST),
      mayMisreport: without(COMPATIBLE.mayMisreport, QUESTION_LOST),
      mayConfirmLate: [HUB_REBOOTED],
    },
  ],
  ...[COMPATIBLE, NEW_TUNNEL, REMOVAL].map(
    (one) => ['the spoke asked before a report', { settledIsProven: true }, one, { ...one, mayMisreport: [] }] as const,
  ),
  ['a hub in doubt that obeys', { wordSettlesDoubt: true }, INCOMPATIBLE, INCOMPATIBLE],
];

describe('a rule that is added would do away with exceptions', () => {
  it.each(ADDITIONS)('%s', (_, change, one, excuses) => {
    const walked = explore(one.variant, { ...DOCUMENTED, ...change }, MUTATION_FAULTS);
    expect(describeViolations(walked, excuses)).toEqual([]);
  });
});

describe('the table of states in host.bash', () => {
  it('has no entry that no run goes through', () => {
    expect(TRANSITIONS.length).toBeGreaterThan(0);
    expect(TRANSITIONS.filter((pair) => !usedTransitions.has(pair))).toEqual([]);
  });

  it('has every move that host.bash makes', () => {
    const moves = movesOfHostProgram();
    expect(moves).toContain('armed>promised');
    expect(moves.filter((pair) => !TRANSITIONS.includes(pair))).toEqual([]);
  });
});

const describeViolations = (exploration: Exploration, excuses: Excuses): string[] =>
  findViolations(exploration, excuses).map(({ property, trace }) => [`BROKEN: ${property}`, ...trace].join('\n  '));
