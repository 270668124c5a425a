/**
 * A change's id, `RUN.WORD`, the same at both ends of its tunnel. A run's id is not enough: a run that hands an interface on takes one tunnel
 * away and makes another of the same name.
 */
import { randomBytes } from 'node:crypto';

const CHANGE = /^[A-Za-z0-9][A-Za-z0-9-]{0,79}\.[a-z0-9]{1,16}$/;

export const makeChangeId = (run: string): string => `${run}.${randomBytes(4).toString('hex')}`;

export const isChangeId = (text: string): boolean => CHANGE.test(text);

/** The run that made it. Of a state that was found before a change: `before-RUN`. */
export const runOf = (change: string): string => change.replace(/\..*/, '');

/** The state that a change found, and that nobody had recorded. */
export const foundBefore = (runOrChange: string): string => `before-${runOrChange}`;

/** Of the name of what was found, the name of the run or change that found it; any other as it is. */
export const finderOf = (runOrChange: string): string => runOrChange.replace(/^before-/, '');
