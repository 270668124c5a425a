/** What life does to a change. Each costs one of the faults that a run is given. */
import { takeoverMoves } from './other-moves.js';
import type { Rules } from './rules.js';
import { rename } from './transitions.js';
import { at, ENDS, hasSession, isFinished, lose, note, type End, type Host, type Move, type World } from './world.js';

/** Where faults happen. Another run, and the line, are met in both. */
export type Place = 'anywhere' | 'at the hub';

export function adversaryMoves(world: World, rules: Rules, place: Place): Move[] {
  if (world.faultsLeft === 0 || isOver(world)) return [];
  const weaker = { ...world, faultsLeft: world.faultsLeft - 1 };
  const ends = place === 'anywhere' ? ENDS : (['hub'] as const);
  const { other } = world;
  return [
    ...ends.flatMap((end) => (world[end].on ? faultsAt(weaker, end) : [])),
    ...(world.line === 'up' && isBound(world.hub) ? cuts(weaker) : []),
    ...takeoverMoves(weaker, rules),
    ...(isFinished(world) || place !== 'anywhere' ? [] : [killController(weaker)]),
    ...(other === 'none' || other === 'over' || other === 'equal'
      ? []
      : [{ text: 'THE OTHER RUN IS KILLED', to: { ...weaker, other: 'over' as const } }]),
  ];
}

const faultsAt = (world: World, end: End): Move[] => [
  ...(hasSession(world[end]) ? [loseSession(world, end)] : []),
  ...kills(world, end),
  reboot(world, end),
  ...refuseRename(world, end),
];

/** Nothing is under way any more: a host that reboots comes up on what it runs. */
const isOver = (world: World): boolean =>
  isFinished(world) && [world.hub, world.spoke].every((one) => one.on && !one.program && one.trial === 'none');

/** Only now does the line matter: whether a proof succeeds is left open, and only a hub in doubt asks. */
const isBound = ({ trial }: Host): boolean => trial === 'promised' || trial === 'doubt';

/** What needs no fault: a line heals, and the kernel removes the marker in its own time, four of the spoke's windows. */
export function natureMoves(world: World): Move[] {
  const { line, marker, late, hub, spoke } = world;
  const moves: Move[] = line === 'cut' ? [{ text: 'THE LINE HEALS', to: { ...world, line: 'up' } }] : [];
  // With a line the hub, which is in doubt at its deadline at the latest, has heard the marker by then.
  if (marker && late === 1 && hub.trial === 'doubt' && spoke.trial === 'none' && line !== 'up') {
    const to = note({ ...world, marker: false }, 'the line was cut for longer than the marker lives');
    moves.push({ text: 'THE MARKER EXPIRES', to });
  }
  return moves;
}

const loseSession = (world: World, end: End): Move => ({
  text: `THE SESSION TO THE ${end.toUpperCase()} DIES`,
  to: lose(world, end),
});

const killController = (world: World): Move => ({
  text: 'VXFLEET IS KILLED',
  to: { ...ENDS.reduce(lose, world), alive: false },
});

function kills(world: World, end: End): Move[] {
  const { program, guard, session, trial, channel, runs } = world[end];
  const isFirst = session.startsWith('first');
  const gone = at(world, end, { program: false, stale: null });
  const moves: Move[] = [];
  // Else it is what the death of the session comes to, which the program sees and a guard makes up for.
  if (program && (!guard || channel.endsWith('begun'))) {
    let to = isFirst ? lose(at(gone, end, { channel: 'idle' }), end) : gone;
    if (trial === 'confirmed') {
      if (end === 'spoke') to = note(to, 'whoever was at work on the confirm of the spoke was killed');
      else if (runs === 'old') to = note(to, 'whoever put the new end of the hub up again was killed');
    }
    moves.push({ text: `THE PROGRAM ON THE ${end.toUpperCase()} IS KILLED`, to });
  }
  // As long as program and session are there and the hub has not promised, a guard that is dead is one that does nothing: it may as
  // well die later.
  if (guard && trial !== 'none' && (!program || session !== 'first' || isBound(world.hub))) {
    const to = at(world, end, { guard: false });
    const noted = end === 'spoke' ? note(to, "the spoke's guard was killed") : to;
    moves.push({ text: `THE GUARD ON THE ${end.toUpperCase()} IS KILLED`, to: noted });
  }
  return moves;
}

/** /run is forgotten: the trial, and with it program and guard. */
function reboot(world: World, end: End): Move {
  const { hub, spoke } = world;
  const dead = { on: false, trial: 'none', program: false, guard: true, channel: 'idle', stale: null } as const;
  let to = lose(at(world, end, dead), end);
  if (end === 'hub') {
    if (isBound(hub) || (hub.trial === 'confirmed' && hub.etc === 'old'))
      to = note(to, 'the hub rebooted between its promise and its rename into /etc');
    to = { ...to, late: 0, question: 'on new' };
  } else {
    if (spoke.etc === 'new' && isBound(hub)) to = note(to, 'the spoke rebooted when it had confirmed');
    to = { ...to, marker: false };
  }
  return { text: `THE ${end.toUpperCase()} REBOOTS`, to };
}

const cuts = (world: World): Move[] => [
  { text: 'THE LINE IS CUT', to: { ...world, line: 'cut' } },
  { text: 'THE LINE IS CUT FOR EVER', to: { ...world, line: 'gone' } },
];

/** The disk is full or read-only after all. The spoke goes back; the hub, which has promised, tries again until it succeeds. */
function refuseRename(world: World, end: End): Move[] {
  const { trial, etc, channel } = world[end];
  if (trial !== 'confirmed' || etc !== 'old' || channel !== 'confirm begun') return [];
  if (end === 'spoke') {
    const text = "THE SPOKE'S DISK REFUSES THE RENAME INTO /etc; it decides to go back";
    return [{ text, to: rename(world, end, 'reverting') }];
  }
  const to = at(world, end, { channel: hasSession(world[end]) ? 'refused' : 'idle' });
  return [{ text: "THE HUB'S DISK REFUSES THE RENAME INTO /etc; it will try again", to }];
}
