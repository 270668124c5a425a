/** The table of states that the model shares with the program that runs on hosts. */
import { CHANGE_PROGRAM } from '../../../src/host/host-program.js';
import { at, type End, type Trial, type World } from './world.js';

/** `from>to`, as moves.pl allows them. */
export const TRANSITIONS: readonly string[] = (
  /^my %TRANSITIONS = map \{ \$_ => 1 \} qw\(([^)]*)\)/m.exec(CHANGE_PROGRAM)?.[1] ?? ''
)
  .split(/\s+/)
  .filter((pair) => pair !== '');

/** `from>to` of every move that moves.pl makes by name: `move(TRIAL, FROM, TO)`, and `settle(TRIAL, OUTCOME, [FROM...])`, which goes back. */
export function movesOfHostProgram(): string[] {
  const moves = CHANGE_PROGRAM.matchAll(/\bmove\(\$\w+, +'([a-z]+)', +'([a-z]+)'/g);
  const settles = CHANGE_PROGRAM.matchAll(/\bsettle\(\$\w+, (?:'[a-z]+'|\$\w+), \[qw\(([a-z ]+)\)/g);
  return [
    ...[...moves].map(([, from, to]) => `${from}>${to}`),
    ...[...settles].flatMap(([, froms = '']) => (froms.match(/[a-z]+/g) ?? []).map(wayBackOf)),
  ];
}

const wayBackOf = (from: string): string => `${from}>${from === 'prepared' ? 'dropped' : 'reverting'}`;

/** Pairs that some world of the model went through. */
export const usedTransitions = new Set<string>();

/** Renames the state of an end's trial. What is dropped is removed at once. */
export function rename(world: World, end: End, to: Exclude<Trial, 'none'> | 'dropped'): World {
  const pair = `${world[end].trial}>${to}`;
  if (!TRANSITIONS.includes(pair)) throw new Error(`moves.pl allows no ${pair}`);
  usedTransitions.add(pair);
  return at(world, end, { trial: to === 'dropped' ? 'none' : to });
}
