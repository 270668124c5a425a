/** What an end does: its program with the messages, program and guard with what time brings. */
import { doubtMoves } from './doubt-moves.js';
import { rename } from './transitions.js';
import type { Rules } from './rules.js';
import { at, note, type End, type Move, type Trial, type Variant, type Verb, type World } from './world.js';

export function hostMoves(world: World, end: End, variant: Variant, rules: Rules): Move[] {
  const host = world[end];
  if (!host.on) {
    return [{ text: `the ${end} comes up on the ${host.etc} file`, to: at(world, end, { on: true, runs: host.etc }) }];
  }
  return [...messageMoves(world, end, variant, rules), ...trialMoves(world, end, variant, rules)];
}

function messageMoves(world: World, end: End, variant: Variant, rules: Rules): Move[] {
  const { program, session, channel, trial } = world[end];
  if (!program) return [];
  const [verb, progress] = channel.split(' ') as [Verb, string | undefined];
  if (end === 'spoke' && owesMarker(world, variant, rules)) {
    return [{ text: 'the spoke puts the marker on the tunnel', to: { ...world, marker: true } }];
  }
  const moves: Move[] = [];
  if (progress === 'sent') moves.push(receive(world, end, verb, rules));
  if (progress === 'begun' && isDone(verb, trial)) moves.push(answer(world, end, verb));
  if (session === 'dead') {
    const to = at(world, end, { program: false, channel: 'idle' });
    // It waits for the jobs that it has begun, but not for what the hub has to find out.
    const isAtWork = progress === 'begun' && verb !== 'settle';
    if (!isAtWork) moves.push({ text: `the program on the ${end} sees its session end`, to });
  }
  return moves;
}

/** Its confirm is done but for the marker, which the program sets. */
function owesMarker({ spoke, marker }: World, { nothing }: Variant, rules: Rules): boolean {
  if (spoke.channel !== 'confirm begun' || !spoke.program || marker || nothing === 'new' || !rules.marksSpoke)
    return false;
  if (rules.guardMarks) return false;
  return rules.marksAfterRename ? spoke.trial === 'none' && spoke.etc === 'new' : spoke.trial === 'confirmed';
}

function receive(world: World, end: End, verb: Verb, rules: Rules): Move {
  const begun = begin(world, end, verb, rules);
  if (begun !== null) return { text: `the ${end} gets ${verb}`, to: at(begun, end, { channel: `${verb} begun` }) };
  return { text: `the ${end} gets ${verb} and refuses`, to: at(world, end, { channel: 'refused' }) };
}

/** An answer into a dead session is lost. */
function answer(world: World, end: End, verb: Verb): Move {
  const { session, etc } = world[end];
  const said = (verb === 'settle' || verb === 'confirm') && etc === 'old' ? 'refused' : 'ok';
  const text = `the ${end} answers ${verb}${said === 'refused' ? ': went back' : ''}`;
  return { text, to: at(world, end, { channel: session === 'up' ? said : 'idle' }) };
}

/** What each message needs, and its first rename. Null: refused. */
function begin(world: World, end: End, verb: Verb, rules: Rules): World | null {
  const { trial, etc } = world[end];
  const mayMoveOn: readonly Trial[] = ['armed', 'promised', ...(rules.wordSettlesDoubt ? ['doubt' as const] : [])];
  switch (verb) {
    case 'prepare':
      return trial === 'none' ? at(world, end, { trial: 'prepared' }) : null;
    case 'trial':
      return trial === 'prepared' ? at(rename(world, end, 'armed'), end, { runs: 'new' }) : null;
    case 'promise':
      return trial === 'armed' ? rename(world, end, 'promised') : null;
    case 'confirm':
      // Said to an end that has found out by itself.
      if (trial === 'none' && etc === 'new') return world;
      return mayMoveOn.includes(trial) ? decide(world, end) : null;
    case 'revert':
      if (trial === 'prepared') return rename(world, end, 'dropped');
      return mayMoveOn.includes(trial) ? rename(world, end, 'reverting') : null;
    case 'settle':
      return trial === 'promised' ? enterDoubt(world) : world;
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

const enterDoubt = (world: World): World => note(rename(world, 'hub', 'doubt'), 'the hub had to find out');

/** Whoever lives, program or guard, takes a trial on. */
function trialMoves(world: World, end: End, variant: Variant, rules: Rules): Move[] {
  const { trial, program } = world[end];
  const why = program ? 'its window is over' : 'its session is over';
  switch (trial) {
    case 'none':
      return [];
    case 'prepared':
      return [{ text: `the ${end} forgets what it prepared: ${why}`, to: rename(world, end, 'dropped') }];
    case 'armed':
      return [{ text: `the ${end} decides to go back: ${why}`, to: rename(world, end, 'reverting') }];
    case 'promised':
      return [
        ...deadlineMoves(world, variant, rules),
        ...(world.late || !program ? [{ text: `the hub is in doubt: ${why}`, to: enterDoubt(world) }] : []),
      ];
    case 'doubt':
      return [...deadlineMoves(world, variant, rules), ...doubtMoves(world, variant, rules)];
    case 'reverting':
      return [{ text: `the ${end} runs the old end again`, to: endTrial(at(world, end, { runs: 'old' }), end) }];
    case 'confirmed':
      return [confirmMove(world, end, variant, rules)];
  }
}

/** The deadline counts from the promise: by then the spoke's shorter window is over, and what it decided is done. */
function deadlineMoves(world: World, variant: Variant, rules: Rules): Move[] {
  const isSpokeBusy = world.spoke.trial !== 'none' || owesMarker(world, variant, rules);
  if (world.late || (rules.spokeWindowIsShorter && isSpokeBusy)) return [];
  return [{ text: "the hub's deadline passes", to: { ...world, late: true } }];
}

function confirmMove(world: World, end: End, { nothing }: Variant, rules: Rules): Move {
  if (world[end].etc === 'old') {
    return { text: `the ${end} renames the new file into /etc`, to: at(world, end, { etc: 'new', runs: 'new' }) };
  }
  if (rules.guardMarks && end === 'spoke' && nothing !== 'new' && !world.marker) {
    return { text: 'the spoke puts the marker on the tunnel', to: { ...world, marker: true } };
  }
  return { text: `the ${end} is done with its trial`, to: endTrial(world, end) };
}

const endTrial = (world: World, end: End): World =>
  at(end === 'hub' ? { ...world, late: false, question: 'on new' } : world, end, { trial: 'none' });
