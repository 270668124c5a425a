/** What life does to a change. Each costs one of the faults that a run is given. */
import { rename } from './transitions.js';
import { at, ENDS, note, type End, type Host, type Move, type World } from './world.js';

export function adversaryMoves(world: World): Move[] {
  if (world.faultsLeft === 0 || isOver(world)) return [];
  const weaker = { ...world, faultsLeft: world.faultsLeft - 1 };
  return [
    ...(world.alive && world.report === 'none' ? [killController(weaker)] : []),
    ...ENDS.flatMap((end) => (world[end].on ? [...sessionFaults(weaker, end), reboot(weaker, end)] : [])),
    ...(world.line === 'up' && isBound(world.hub) ? cuts(weaker) : []),
    ...(world.spoke.trial === 'confirmed' && world.spoke.etc === 'old' && world.spoke.program
      ? [refuseRename(weaker)]
      : []),
  ];
}

/** Nothing is under way any more: a host that reboots comes up on what it runs. */
const isOver = ({ alive, report, hub, spoke }: World): boolean =>
  (!alive || report !== 'none') && [hub, spoke].every((one) => one.on && !one.program && one.trial === 'none');

/** Only now does the line matter: whether a proof succeeds is left open, and only a hub in doubt asks. */
const isBound = ({ trial }: Host): boolean => trial === 'promised' || trial === 'doubt';

/** What needs no fault: a line heals, and the kernel removes the marker in its own time, two windows. */
export function natureMoves(world: World): Move[] {
  const { line, marker, late, hub } = world;
  const moves: Move[] = line === 'cut' ? [{ text: 'THE LINE HEALS', to: { ...world, line: 'up' } }] : [];
  // With a line the hub, whose deadline is a window earlier, has heard the marker by then.
  if (marker && late && hub.trial === 'doubt' && line !== 'up') {
    const to = note({ ...world, marker: false }, 'the line was cut for longer than the marker lives');
    moves.push({ text: 'THE MARKER EXPIRES', to });
  }
  return moves;
}

function killController(world: World): Move {
  const to = at(at(world, 'hub', { session: 'dead' }), 'spoke', { session: 'dead' });
  return { text: 'VXFLEET IS KILLED', to: { ...to, alive: false } };
}

function sessionFaults(world: World, end: End): Move[] {
  const { program, session } = world[end];
  const isDeciding = end === 'spoke' && world.spoke.channel === 'confirm begun' && !world.marker;
  const gone = at(world, end, { program: false, session: 'dead', channel: 'idle' });
  const killed = isDeciding ? note(gone, "the spoke's program was killed before it set the marker") : gone;
  return [
    ...(session === 'up'
      ? [{ text: `THE SESSION TO THE ${end.toUpperCase()} DIES`, to: at(world, end, { session: 'dead' }) }]
      : []),
    ...(program ? [{ text: `THE PROGRAM ON THE ${end.toUpperCase()} IS KILLED`, to: killed }] : []),
  ];
}

/** /run is forgotten: the trial, and with it program and guard. */
function reboot(world: World, end: End): Move {
  const { hub, spoke } = world;
  let to = at(world, end, { on: false, trial: 'none', program: false, session: 'dead', channel: 'idle' });
  if (end === 'hub') {
    if (isBound(hub) || (hub.trial === 'confirmed' && hub.etc === 'old'))
      to = note(to, 'the hub rebooted between its promise and its rename into /etc');
    to = { ...to, late: false, question: 'on new' };
  } else {
    const hasConfirmed = spoke.etc === 'new' && isBound(hub);
    if (hasConfirmed) to = note(to, 'the spoke rebooted when it had confirmed');
    to = { ...to, marker: false };
  }
  return { text: `THE ${end.toUpperCase()} REBOOTS`, to };
}

const cuts = (world: World): Move[] => [
  { text: 'THE LINE IS CUT', to: { ...world, line: 'cut' } },
  { text: 'THE LINE IS CUT FOR EVER', to: { ...world, line: 'gone' } },
];

/** The hub's disk may refuse too; the hub then tries again until it succeeds. */
const refuseRename = (world: World): Move => ({
  text: "THE SPOKE'S DISK REFUSES THE RENAME INTO /etc; it decides to go back",
  to: rename(world, 'spoke', 'reverting'),
});
