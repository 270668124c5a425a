import { expect, it } from 'vitest';
import { createProgram } from '../../src/cli.js';

const commandsLoadedFor = async (word: string | undefined): Promise<string[]> =>
  (await createProgram(() => Promise.resolve(), word)).commands.map((command) => command.name());

it('loads no command to say its version', async () => {
  expect(await commandsLoadedFor('--version')).toEqual([]);
  expect(await commandsLoadedFor('-V')).toEqual([]);
});

it('loads the command that is asked for, alone', async () => {
  expect(await commandsLoadedFor('inventory')).toEqual(['inventory']);
});

it('loads all of them for the help, and for a word that is no command', async () => {
  const all = await commandsLoadedFor(undefined);
  expect(all).toContain('deploy');
  expect(await commandsLoadedFor('deplyo')).toEqual(all);
});
