import { describe, expect, it } from 'vitest';
import { FAULTS } from './faults/all-faults.js';
import { planCases } from './plan-cases.js';
import { GRID } from './points.js';

const keyOf = ({ fault, point }: ReturnType<typeof planCases>[number]): string =>
  `${fault.name} ${JSON.stringify(point)}`;

describe('the cases of a campaign', () => {
  it('are every fault at every point that it fits, and then random ones', () => {
    const grid = FAULTS.flatMap((fault) => {
      const points = GRID.filter((point) => fault.fits?.(point) ?? true);
      return points.length === 0
        ? [keyOf({ ...EMPTY, fault })]
        : points.map((point) => keyOf({ ...EMPTY, fault, point }));
    });
    const cases = planCases(FAULTS, grid.length + 50, 1);
    expect(cases).toHaveLength(grid.length + 50);
    const keys = new Set(cases.map(keyOf));
    expect(grid.filter((key) => !keys.has(key))).toEqual([]);
  });

  it('are the same again with the same seed, and others with another', () => {
    const keys = (seed: number): string[] => planCases(FAULTS, 100, seed).map(keyOf);
    expect(keys(7)).toEqual(keys(7));
    expect(keys(7)).not.toEqual(keys(8));
  });

  it.each([1, 2, 3, 4, 5])('have every fault and every step when they are as few as in CI (seed %i)', (seed) => {
    const cases = planCases(FAULTS, 40, seed);
    expect(new Set(cases.map(({ fault }) => fault))).toEqual(new Set(FAULTS));
    expect(new Set(cases.flatMap(({ point }) => point?.step ?? []))).toEqual(new Set(GRID.map(({ step }) => step)));
  });
});

const EMPTY = { index: 0, seed: 0, point: undefined };
