import { afterEach, expect, it, vi } from 'vitest';
import { withInterrupt } from '../../src/commands/with-interrupt.js';
import type { RunEvent, Step } from '../../src/events.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Presses Ctrl-C. */
const interrupt = (): void => {
  const [listener] = process.listeners('SIGINT').slice(-1);
  listener?.('SIGINT');
};

/** The notices of a run that is interrupted twice when tokyo has come to this step. */
async function noticesAt(step: Step): Promise<string[]> {
  const exit = vi
    .spyOn(process, 'exit')
    .mockReturnValue(undefined as never)
    .mockClear();
  const notices: string[] = [];
  const emit = (event: RunEvent): void => {
    if (event.event === 'notice') notices.push(event.message);
  };
  await withInterrupt(emit, async (signal, tell) => {
    tell({ event: 'step', spoke: 'tokyo', interface: 'vxlan01', step });
    interrupt();
    expect(signal.aborted).toBe(true);
    expect(exit).not.toHaveBeenCalled();
    interrupt();
  });
  expect(exit).toHaveBeenCalledExactlyOnceWith(130);
  return notices;
}

// What is written beside the live view is erased with it.
it('tells what a second Ctrl-C leaves in trial as it tells everything, and leaves', async () => {
  expect((await noticesAt('verify'))[1]).toMatch(/^left at once, in trial: tokyo \(vxlan01\)\. Their hosts/);
  expect((await noticesAt('inspect'))[1]).toBe('left at once: nothing was in trial');
});
