/** What an end does: its program with the messages; program, guard and whoever takes over with what time brings. */
import { doubtMoves } from './doubt-moves.js';
import { rename } from './transitions.js';
import type { Rules } from './rules.js';
import {
  at,
  forget,
  hasNote,
  hasSession,
  isTakenOver,
  note,
  willReplaceGuard,
  type Channel,
  type End,
  type Move,
} from './world.js';
import type { Note, Trial, Variant, Verb, World } from './world.js';

const CONFIRMER_KILLED: Note = 'whoever was at work on the confirm of the spoke was killed';
const HUB_KILLED: Note = 'whoever put the new end of the hub up again was killed';

export function hostMoves(world: World, end: End, variant: Variant, rules: Rules): Move[] {
  const host = world[end];
  if (!host.on) {
    return [{ text: `the ${end} comes up on the ${host.etc} file`, to: at(world, end, { on: true, runs: host.etc }) }];
  }
  return [
    ...messageMoves(world, end, variant, rules),
    ...trialMoves(world, end, variant, rules),
    ...(rules.guardIsReplaced && willReplaceGuard(world, end) ? [replaceGuard(world, end)] : []),
  ];
}

const replaceGuard = (world: World, end: End): Move => ({
  text: `the program on the ${end} replaces its guard`,
  to: at(end === 'spoke' ? forget(world, "the spoke's guard was killed") : world, end, { guard: true }),
});

function messageMoves(world: World, end: End, variant: Variant, rules: Rules): Move[] {
  const { program, session, channel, trial, stale } = world[end];
  if (end === 'spoke' && owesMarker(world, variant, rules)) {
    return [{ text: 'the spoke puts the marker on the tunnel', to: { ...world, marker: true } }];
  }
  const [verb, progress] = channel.split(' ') as [Verb, string | undefined];
  const isFirst = session.startsWith('first');
  const moves: Move[] = [];
  if (program || !isFirst) {
    if (progress === 'sent') moves.push(receive(world, end, verb, rules));
    if (progress === 'begun' && isDone(verb, trial)) moves.push(answer(world, end, verb, rules));
    const isAgain = !isFirst && channel.startsWith('confirm ') && end === 'spoke' && trial === 'confirmed';
    if (isAgain && hasNote(world, CONFIRMER_KILLED) && !rules.confirmGoesOn)
      moves.push({ text: 'the spoke finds nobody at work and refuses confirm', to: say(world, end, 'refused') });
    if (session === 'second lost' && progress !== 'begun' && channel !== 'idle')
      moves.push({
        text: `the second program on the ${end} sees its session end`,
        to: at(world, end, { channel: 'idle' }),
      });
  }
  if (program && stale !== null) {
    const to = at(begin(world, end, stale, rules) ?? world, end, { stale: null });
    moves.push({ text: `the ${end} reads ${stale} in the lost session`, to });
  }
  if (program && session !== 'first') {
    const to = at(world, end, { program: false, stale: null, ...(isFirst ? { channel: 'idle' } : {}) });
    // It waits for the jobs that it has begun, but not for what the hub has to find out; it ends trials by itself (trialMoves),
    // which shows only where no guard does so too.
    const isAtWork = isFirst && progress === 'begun' && verb !== 'settle';
    const isThrough = world[end].guard || trial === 'none' || trial === 'doubt' || trial === 'confirmed';
    if (!isAtWork && isThrough) moves.push({ text: `the program on the ${end} sees its session end`, to });
  }
  return moves;
}

/** Without guardMarks: the confirm is done but for the marker, which the program sets. */
function owesMarker({ spoke, marker }: World, { nothing }: Variant, rules: Rules): boolean {
  if (spoke.channel !== 'confirm begun' || marker || nothing === 'new' || !rules.marksSpoke || rules.guardMarks)
    return false;
  return spoke.trial === 'none' && spoke.etc === 'new';
}

function receive(world: World, end: End, verb: Verb, rules: Rules): Move {
  const { trial, record } = world[end];
  const begun = begin(world, end, verb, rules);
  if (begun === null) {
    const isUnsure = rules.refusalIsKnown && verb === 'confirm' && trial === 'none' && record === 'none';
    return { text: `the ${end} gets ${verb} and refuses`, to: say(world, end, isUnsure ? 'unsure' : 'refused') };
  }
  // Somebody else is at it: `revert` does not wait.
  if (verb === 'revert' && trial === 'reverting')
    return { text: `the ${end} gets revert and answers that it goes back already`, to: say(world, end, 'ok') };
  // What happens between a step and its answer is what happens between the answer and its being read.
  const isOne = isDone(verb, begun[end].trial) && verb !== 'confirm' && verb !== 'settle';
  return {
    text: `the ${end} gets ${verb}`,
    to: isOne ? say(begun, end, 'ok') : at(begun, end, { channel: `${verb} begun` }),
  };
}

/** An answer into a dead session is lost. */
const say = (world: World, end: End, channel: Channel): World =>
  at(world, end, { channel: hasSession(world[end]) ? channel : 'idle' });

function answer(world: World, end: End, verb: Verb, rules: Rules): Move {
  const { record } = world[end];
  const asksHow = verb === 'settle' || verb === 'confirm';
  const isUnsure = asksHow && record === 'none' && rules.refusalIsKnown;
  const said = asksHow && record !== 'confirmed' ? (isUnsure ? 'unsure' : 'refused') : 'ok';
  return { text: `the ${end} answers ${verb}${said === 'ok' ? '' : `: ${record}`}`, to: say(world, end, said) };
}

/** What each message needs, and its first rename. Null: refused. */
function begin(world: World, end: End, verb: Verb, rules: Rules): World | null {
  const { trial, record } = world[end];
  switch (verb) {
    case 'prepare':
      // The file of /etc must be the one that was looked at.
      return trial === 'none' && world[end].etc === 'old' ? at(world, end, { trial: 'prepared' }) : null;
    case 'trial':
      return trial === 'prepared' ? at(rename(world, end, 'armed'), end, { runs: 'new' }) : null;
    case 'promise':
      return trial === 'armed' ? rename(world, end, 'promised') : null;
    case 'confirm':
      return beginConfirm(world, end, rules);
    case 'revert':
      if (trial === 'none') return record === 'confirmed' ? null : world;
      return beginRevert(world, end, rules);
    case 'settle':
      return trial === 'promised' ? rename(world, 'hub', 'doubt') : world;
  }
}

function beginConfirm(world: World, end: End, rules: Rules): World | null {
  const { trial, record } = world[end];
  // Said twice is said once.
  if (trial === 'none') return record === 'confirmed' ? world : null;
  if (trial === 'confirmed') return rules.confirmWaits ? world : null;
  if (trial === 'armed' || trial === 'promised') return decide(world, end);
  return trial === 'doubt' && rules.wordSettlesDoubt ? decide(world, end) : null;
}

function beginRevert(world: World, end: End, rules: Rules): World | null {
  switch (world[end].trial) {
    case 'prepared':
      return rename(world, end, 'dropped');
    case 'armed':
    case 'promised':
      return rename(world, end, 'reverting');
    case 'doubt':
      return rules.wordSettlesDoubt ? rename(world, end, 'reverting') : null;
    case 'confirmed':
      return null;
    default:
      return world;
  }
}

const isDone = (verb: Verb, trial: Trial): boolean =>
  trial === 'none' || (verb !== 'confirm' && verb !== 'revert' && verb !== 'settle');

/** The spoke's decision is the tunnel's: the hub must not have gone back by then. */
function decide(world: World, end: End): World {
  const { trial, etc } = world.hub;
  const hasHubLeft = trial === 'reverting' || (trial === 'none' && etc === 'old');
  return {
    ...rename(world, end, 'confirmed'),
    decidedTooLate: world.decidedTooLate || (end === 'spoke' && hasHubLeft),
  };
}

/** Whoever lives takes a trial on. */
function trialMoves(world: World, end: End, variant: Variant, rules: Rules): Move[] {
  const { trial, program, guard, session } = world[end];
  const taken = isTakenOver(world, end);
  // A program whose session has ended ends trials too; with a guard that is the guard's move.
  const isEnding = program && session !== 'first' && !guard;
  const endsTrials = guard || isEnding || taken;
  const works = endsTrials || program || session === 'second';
  const why = taken ? 'it is taken over' : program && !isEnding ? 'its window is over' : 'its session is over';
  switch (trial) {
    case 'none':
      return [];
    case 'prepared':
      return endsTrials
        ? [{ text: `the ${end} forgets what it prepared: ${why}`, to: rename(world, end, 'dropped') }]
        : [];
    case 'armed':
      return endsTrials ? [{ text: `the ${end} decides to go back: ${why}`, to: rename(world, end, 'reverting') }] : [];
    case 'promised': {
      const mayDoubt = isEnding || (guard && (world.late > 0 || !program)) || (taken && !guard);
      return [
        ...deadlineMoves(world, variant, rules),
        ...(mayDoubt ? [{ text: `the hub is in doubt: ${why}`, to: rename(world, 'hub', 'doubt') }] : []),
      ];
    }
    case 'doubt':
      return [
        ...deadlineMoves(world, variant, rules),
        ...(guard || taken ? doubtMoves(world, variant, rules) : []),
        ...(taken && (guard || rules.takeoverHasLimit) ? [orderBack(world)] : []),
      ];
    case 'reverting': {
      const to = endTrial(at(world, end, { runs: 'old', record: 'reverted' }), end);
      return works ? [{ text: `the ${end} runs the old end again`, to }] : [];
    }
    case 'confirmed':
      return works ? [confirmMove(world, end, variant, rules)] : [];
  }
}

/** Whoever takes over does not wait for ever. */
const orderBack = (world: World): Move => ({
  text: 'the hub is ordered to go back',
  to: rename(note(world, 'a takeover ordered the hub to go back'), 'hub', 'reverting'),
});

/**
 * The deadline counts from the promise: by then the spoke's window, half as long, has been over for as long again, and what it decided
 * is done. Only its guard holds it to that.
 */
function deadlineMoves(world: World, variant: Variant, rules: Rules): Move[] {
  const { late, spoke } = world;
  if (late > 0) return [];
  const isBusy = spoke.trial !== 'none' || owesMarker(world, variant, rules);
  const isHeld = spoke.guard || (rules.guardIsReplaced && willReplaceGuard(world, 'spoke'));
  if (rules.spokeWindowIsShorter && isBusy && isHeld) return [];
  return [{ text: "the hub's deadline passes", to: { ...world, late: 1 } }];
}

function confirmMove(world: World, end: End, { nothing }: Variant, rules: Rules): Move {
  const { etc, record, runs } = world[end];
  const marks = end === 'spoke' && nothing !== 'new' && !world.marker && rules.guardMarks && rules.marksSpoke;
  const isMarked = { text: 'the spoke puts the marker on the tunnel', to: { ...world, marker: true } };
  if (marks && !rules.marksAfterRename) return isMarked;
  // In doubt it may have been on the old end; whoever goes on for a dead one does not look.
  const goesOn = hasNote(world, HUB_KILLED) && !rules.completePutsUp;
  if (end === 'hub' && etc === 'old' && runs === 'old' && !goesOn)
    return { text: 'the hub puts the new end up again', to: at(world, end, { runs: 'new' }) };
  if (etc === 'old') {
    // That the hub has two renames, too, shows nowhere: it is not asked what its records say before they are there.
    const kept = end === 'hub' ? ({ record: 'confirmed' } as const) : {};
    const to = at(world, end, { etc: 'new', ...kept });
    return { text: `the ${end} renames the new file into /etc`, to };
  }
  if (record === 'none') return { text: `the ${end} keeps the record`, to: at(world, end, { record: 'confirmed' }) };
  if (marks) return isMarked;
  return { text: `the ${end} is done with its trial`, to: endTrial(world, end) };
}

/** A guard matters as long as there is a trial. */
const endTrial = (world: World, end: End): World =>
  at(end === 'hub' ? { ...world, late: 0, question: 'on new' } : world, end, { trial: 'none', guard: true });
