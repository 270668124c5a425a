import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { errorLines, usageError, wantsJson } from '../../src/commands/tell-error.js';
import { VxfleetError } from '../../src/errors.js';
import { InventoryError } from '../../src/inventory/inventory-error.js';
import { endedRecap } from '../../src/report/recap.js';

const eventsOf = (error: VxfleetError): unknown[] =>
  errorLines(error, endedRecap('r1', 'deploy', 12.4, 2))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

describe('what ends a command as a whole is an event, and a recap follows', () => {
  it('of a mistake in the command line', () => {
    expect(eventsOf(new VxfleetError('usage', 'LIMIT "x" names nothing', { hint: 'look' }))).toEqual([
      { event: 'error', code: 'usage', message: 'LIMIT "x" names nothing', hint: 'look', problems: [] },
      expect.objectContaining({ event: 'recap', run: 'r1', exit_code: 2, duration_ms: 12, tunnels: [] }),
    ]);
  });

  it('of an inventory, with all its problems', () => {
    const problem = { file: 'inventory.yaml', line: 3, column: 5, message: 'wrong', sourceLine: '  id: 0' };
    expect(eventsOf(new InventoryError([problem]))).toMatchObject([
      {
        event: 'error',
        code: 'inventory',
        message: '1 problem in inventory.yaml',
        problems: [{ file: 'inventory.yaml', line: 3, column: 5, message: 'wrong', fix: null }],
      },
      { event: 'recap', exit_code: 2 },
    ]);
  });

  it('of what commander finds, its near name as the hint', () => {
    const found = (message: string) => usageError(new CommanderError(1, 'commander.unknownOption', message));
    expect(found("error: unknown option '--dryrun'\n(Did you mean --dry-run?)")).toMatchObject({
      code: 'usage',
      message: "unknown option '--dryrun'",
      hint: 'Did you mean --dry-run?',
    });
    expect(found("error: unknown option '--x'").hint).toBeUndefined();
  });
});

it.each([
  [['deploy', '--output', 'json'], true],
  [['deploy', '--output=json', '--nonsense'], true],
  [['deploy', '--output', 'plain'], false],
  [['deploy', 'json'], false],
  [['deploy', '--', '--output', 'json'], false],
  [['lab', 'run', 'deploy', '--output', 'json'], false],
])('finds the mode in a command line that cannot be parsed: %j', (argv, expected) => {
  expect(wantsJson(argv)).toBe(expected);
});
