/** Walks every world that can be reached, nearest first, so that the way to each is a shortest one. */
import { adversaryMoves, natureMoves, type Place } from './adversary-moves.js';
import { controllerMoves } from './controller-moves.js';
import { hostMoves } from './host-moves.js';
import { otherMoves } from './other-moves.js';
import type { Rules } from './rules.js';
import { keyOf, simplify, start, type Move, type Variant, type World } from './world.js';

export interface Exploration {
  readonly worlds: readonly World[];
  /** Nothing more happens by itself in these. */
  readonly resting: readonly number[];
  /** From these no world at rest can be reached without another fault. */
  readonly restless: readonly number[];
  /** The way to a world, in words. */
  readonly traceTo: (index: number) => string[];
}

export function explore(variant: Variant, rules: Rules, faults: number, place: Place = 'anywhere'): Exploration {
  const worlds: World[] = [start(faults)];
  const indexes = new Map([[keyOf(worlds[0]!), 0]]);
  const cameFrom: { readonly parent: number; readonly text: string }[] = [
    { parent: -1, text: 'vxfleet sends prepare to both' },
  ];
  const before: number[][] = [[]];
  const resting: number[] = [];

  const visit = ({ text, to: next }: Move, parent: number): number => {
    const to = simplify(next);
    const key = keyOf(to);
    const known = indexes.get(key);
    if (known !== undefined) return known;
    const index = worlds.push(to) - 1;
    indexes.set(key, index);
    cameFrom.push({ parent, text });
    before.push([]);
    return index;
  };

  for (let index = 0; index < worlds.length; index += 1) {
    const world = worlds[index]!;
    const moves = ownMoves(world, variant, rules);
    // A hub that asks and asks is not at rest, even if nothing changes by it.
    if (moves.length === 0 && world.hub.trial !== 'doubt') resting.push(index);
    for (const move of moves) before[visit(move, index)]!.push(index);
    for (const move of adversaryMoves(world, rules, place)) visit(move, index);
  }

  const traceTo = (index: number): string[] => {
    const { parent, text } = cameFrom[index]!;
    return parent === -1 ? [text] : [...traceTo(parent), text];
  };
  return { worlds, resting, restless: withoutWayTo(resting, before), traceTo };
}

const ownMoves = (world: World, variant: Variant, rules: Rules): Move[] => [
  ...controllerMoves(world, variant, rules),
  ...hostMoves(world, 'hub', variant, rules),
  ...hostMoves(world, 'spoke', variant, rules),
  ...otherMoves(world, rules),
  ...natureMoves(world),
];

/** Goes the moves back from where all is at rest: whatever is not met would go on for ever. */
function withoutWayTo(resting: readonly number[], before: readonly (readonly number[])[]): number[] {
  const isMet = new Uint8Array(before.length);
  const open = [...resting];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (isMet[index] === 1) continue;
    isMet[index] = 1;
    open.push(...before[index]!);
  }
  return [...isMet.keys()].filter((index) => isMet[index] === 0);
}
