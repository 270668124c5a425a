import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { errorExitCode, VxfleetError } from '../src/errors.js';
import { watchCrashes } from '../src/watch-crashes.js';

it.each(['uncaughtException', 'unhandledRejection'])('ends as a bug, once, by an %s of whatever kind', (event) => {
  const process = new EventEmitter();
  const told: VxfleetError[] = [];
  watchCrashes(process, async (error) => void told.push(error));
  process.emit(event, new VxfleetError('lost', 'lost tokyo'));
  process.emit(event, new Error('another'));
  expect(told.map(({ code, message }) => [errorExitCode(code), message])).toEqual([[70, 'lost tokyo']]);
});

it('is told also of what is no error', () => {
  const process = new EventEmitter();
  const told: string[] = [];
  watchCrashes(process, async ({ message }) => void told.push(message));
  process.emit('unhandledRejection', undefined);
  expect(told).toEqual(['undefined']);
});
