import { describe, expect, it } from 'vitest';
import { withErrorEvent } from '../../src/commands/with-error-event.js';
import { VxfleetError } from '../../src/errors.js';
import type { RunEvent } from '../../src/events.js';
import { InventoryError } from '../../src/inventory/inventory-error.js';
import { endedRecap } from '../../src/report/recap.js';

async function eventsOf(thrown: unknown): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = [];
  const work = withErrorEvent(
    (event) => events.push(event),
    (exitCode) => endedRecap('r1', 'deploy', 12, exitCode),
    () => Promise.reject(thrown),
  );
  await expect(work).rejects.toThrow();
  return events;
}

describe('what ends a run as a whole is an event, and a recap follows', () => {
  it('of a mistake in the command line', async () => {
    expect(await eventsOf(new VxfleetError('usage', 'LIMIT "x" names nothing', { hint: 'look' }))).toEqual([
      { event: 'error', code: 'usage', message: 'LIMIT "x" names nothing', hint: 'look', problems: [] },
      expect.objectContaining({ event: 'recap', run: 'r1', exit_code: 2, tunnels: [] }),
    ]);
  });

  it('of an inventory, with all its problems', async () => {
    const problem = { file: 'inventory.yaml', line: 3, column: 5, message: 'wrong', sourceLine: '  id: 0' };
    expect(await eventsOf(new InventoryError([problem]))).toMatchObject([
      {
        event: 'error',
        code: 'inventory',
        message: '1 problem in inventory.yaml',
        problems: [{ file: 'inventory.yaml', line: 3, column: 5, message: 'wrong', fix: null }],
      },
      { event: 'recap', exit_code: 2 },
    ]);
  });

  it('of a bug, which is not taken for a tunnel that failed and is safe', async () => {
    expect(await eventsOf(new TypeError('x is not a function'))).toMatchObject([
      { event: 'error', code: 'internal', message: 'x is not a function' },
      { event: 'recap', exit_code: 70 },
    ]);
  });
});
