/** Which faults are tried at which points. */
import type { Case } from './case.js';
import type { Fault } from './fault.js';
import { GRID, randomPoint, type Point } from './points.js';
import { createRandom, type Random } from './random.js';

type Pair = Pick<Case, 'fault' | 'point'>;

/**
 * The grid of every fault at every point; what is left of the runs at random points. With fewer runs than the grid has, a choice of it
 * in which every fault and every step comes up as early as possible.
 */
export function planCases(faults: readonly Fault[], runs: number, seed: number): Case[] {
  const random = createRandom(seed);
  const pairs = spread(faults.map((fault) => random.shuffle(pairsOf(fault)))).slice(0, runs);
  while (pairs.length < runs) pairs.push(randomPair(faults, random));
  // Long and short runs mixed, so that the labs end at the same time.
  return random.shuffle(pairs).map((pair, index) => ({ ...pair, index, seed: seed + index }));
}

function pairsOf(fault: Fault): Pair[] {
  const points = GRID.filter((point) => fits(fault, point));
  return points.length === 0 ? [{ fault, point: undefined }] : points.map((point) => ({ fault, point }));
}

/** Round by round one pair of each fault, and of a fault's pairs the one whose step has come up least so far. */
function spread(rows: readonly Pair[][]): Pair[] {
  const seen = new Map<string | undefined, number>();
  const countOf = ({ point }: Pair): number => seen.get(point?.step) ?? 0;
  const result: Pair[] = [];
  for (let rest = rows.map((row) => [...row]); rest.length > 0; rest = rest.filter((row) => row.length > 0)) {
    for (const row of rest) {
      const rarest = row.reduce((best, pair) => (countOf(pair) < countOf(best) ? pair : best));
      row.splice(row.indexOf(rarest), 1);
      seen.set(rarest.point?.step, countOf(rarest) + 1);
      result.push(rarest);
    }
  }
  return result;
}

function randomPair(faults: readonly Fault[], random: Random): Pair {
  const fault = random.pick(faults);
  if (!GRID.some((point) => fits(fault, point))) return { fault, point: undefined };
  for (;;) {
    const point = randomPoint(random);
    if (fits(fault, point)) return { fault, point };
  }
}

const fits = (fault: Fault, point: Point): boolean => fault.fits?.(point) ?? true;
