import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OutputStream } from '../../src/report/output-stream.js';
import { createReporter } from '../../src/report/reporter.js';
import { makeRecap } from '../../src/report/recap.js';
import { FakeTerminal } from './fake-terminal.js';
import { changedTunnel, range, revertedTunnel } from './sample-results.js';

const FRAME_MS = 100;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function startRun(columns: number, rows: number, total = 255) {
  const stderr = new FakeTerminal(columns, rows);
  const stdout = { text: '', write: (text: string, written?: () => void) => ((stdout.text += text), written?.()) };
  const reporter = await createReporter('auto', { stdout, stderr, color: true, verbose: false });
  reporter.emit({ event: 'start', run: 'r', command: 'deploy', total });
  return { stderr, stdout, reporter };
}

const step = (id: number) =>
  ({ event: 'step', spoke: `site${id}`, interface: changedTunnel(id).interface, step: 'trial' }) as const;
const resultOf = (id: number) => (id % 50 === 0 ? revertedTunnel(id) : changedTunnel(id));

describe.each([
  [120, 40],
  [40, 10],
])('the live view on %ix%i', (columns, rows) => {
  it('fits, shows what is in flight, and keeps every failure', async () => {
    const { stderr, stdout, reporter } = await startRun(columns, rows);
    reporter.emit({ event: 'hub', step: 'inspect', message: '255 tunnels' });
    for (const id of range(1, 20)) reporter.emit(step(id));
    await vi.advanceTimersByTimeAsync(FRAME_MS);
    expect(stderr.text).toContain('0/255 tunnels');
    expect(stderr.text).toContain('hub  inspect  255 tunnels');
    expect(stderr.text).toMatch(/site1 +vxlan01 +trial/);
    expect(stderr.text).toMatch(/… and 1\d more/);
    expect(stderr.isCursorVisible).toBe(false);

    for (const id of range(1, 255)) {
      reporter.emit(step(id));
      reporter.emit({ event: 'tunnel', ...resultOf(id) });
      if (id % 20 === 0) await vi.advanceTimersByTimeAsync(FRAME_MS);
      if (id === 100) expect(stderr.text).toContain('100/255 tunnels · 98 changed · 2 re');
    }
    const results = range(1, 255).map(resultOf);
    reporter.emit(makeRecap('r', 'deploy', results, 1000, { interrupted: false, exitCodeOnDifference: false }));
    await reporter.finish();

    for (const id of [50, 100, 150, 200, 250]) expect(stderr.text).toMatch(new RegExp(`^site${id} \\(vxlan`, 'm'));
    expect(stderr.text).not.toContain('/255 tunnels');
    expect(stderr.widest).toBeLessThanOrEqual(columns - 1);
    expect(stderr.isCursorVisible).toBe(true);
    expect(stdout.text).toContain('250 changed');
  });
});

describe('the live view', () => {
  it('draws by the clock and not by the event', async () => {
    const { stderr, reporter } = await startRun(120, 40);
    await vi.advanceTimersByTimeAsync(FRAME_MS);
    const write = vi.spyOn(stderr, 'write');
    for (const id of range(1, 255)) reporter.emit(step(id));
    expect(write).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(FRAME_MS);
    expect(write).toHaveBeenCalledTimes(1);
    await reporter.finish();
  });

  it('leaves Ctrl-C to the program, and gives the cursor back without a recap', async () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
    const listeners = process.listenerCount('SIGINT');
    const { stderr, reporter } = await startRun(80, 24);
    await vi.advanceTimersByTimeAsync(FRAME_MS);
    expect(process.listenerCount('SIGINT')).toBe(listeners);
    const onInterrupt = vi.fn();
    process.once('SIGINT', onInterrupt);
    process.emit('SIGINT');
    expect(onInterrupt).toHaveBeenCalled();
    expect(exit).not.toHaveBeenCalled();
    await reporter.finish();
    expect(stderr.isCursorVisible).toBe(true);
    exit.mockRestore();
  });

  it('gives the cursor back when the process exits in the middle, and leaves no listener after the end', async () => {
    const before = process.listenerCount('exit');
    const { stderr, reporter } = await startRun(80, 24);
    const restore = process.listeners('exit').at(-1);
    expect(process.listenerCount('exit')).toBe(before + 1);
    restore?.call(process, 0);
    expect(stderr.isCursorVisible).toBe(true);
    await reporter.finish();
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('follows a terminal that became smaller', async () => {
    const { stderr, reporter } = await startRun(120, 40);
    for (const id of range(1, 20)) reporter.emit(step(id));
    await vi.advanceTimersByTimeAsync(FRAME_MS);
    stderr.columns = 30;
    stderr.rows = 6;
    stderr.widest = 0;
    await vi.advanceTimersByTimeAsync(3 * FRAME_MS);
    expect(stderr.widest).toBeLessThanOrEqual(29);
    expect(stderr.lines.slice(-6).join('\n')).toContain('0/255 tunnels');
    await reporter.finish();
  });

  it('tells a failure in one line when the recap comes to the same terminal, and in full when it does not', async () => {
    const shownWith = async (stdout: OutputStream): Promise<string> => {
      const stderr = new FakeTerminal(80, 24);
      const reporter = await createReporter('live', { stdout, stderr, color: false, verbose: false });
      reporter.emit({ event: 'start', run: 'r', command: 'deploy', total: 1 });
      reporter.emit({ event: 'tunnel', ...revertedTunnel(1) });
      await reporter.finish();
      return stderr.text;
    };
    expect(await shownWith(new FakeTerminal(80, 24))).toBe(
      'site1 (vxlan01) reverted: the /48 does not answer from the hub\n',
    );
    const file = { write: (_: string, written?: () => void) => written?.() };
    expect(await shownWith(file)).toContain('next    look at the routes');
  });

  it('counts the seconds of a step that is slow', async () => {
    const { stderr, reporter } = await startRun(80, 24, 1);
    reporter.emit(step(1));
    await vi.advanceTimersByTimeAsync(FRAME_MS);
    expect(stderr.text).toMatch(/site1 +vxlan01 +trial$/m);
    await vi.advanceTimersByTimeAsync(5000);
    expect(stderr.text).toMatch(/site1 +vxlan01 +trial  5 s$/m);
    await reporter.finish();
  });

  it.each([
    ['that reports no columns', 0, 'xterm'],
    ['that is dumb', 80, 'dumb'],
  ])('is not for a terminal %s: lines are written one after the other', async (_, columns, term) => {
    const terminal = new FakeTerminal(columns, 24);
    const io = { stdout: terminal, stderr: terminal, color: false, verbose: false, term };
    const reporter = await createReporter('auto', io);
    const write = vi.spyOn(terminal, 'write');
    reporter.emit({ event: 'start', run: 'r', command: 'deploy', total: 1 });
    reporter.emit({ event: 'tunnel', ...revertedTunnel(1) });
    reporter.emit(
      makeRecap('r', 'deploy', [revertedTunnel(1)], 0, { interrupted: false, exitCodeOnDifference: false }),
    );
    await reporter.finish();
    const text = write.mock.calls.map(([line]) => line).join('');
    expect(text).not.toContain('\u001b');
    expect(text.match(/why /g)).toHaveLength(1);
    expect(text).toContain('site1 (vxlan01) reverted: put back, and the old state answers\n');
  });

  it('makes room for a diff when stdout is the same terminal', async () => {
    const terminal = new FakeTerminal(80, 24);
    const reporter = await createReporter('live', { stdout: terminal, stderr: terminal, color: false, verbose: false });
    reporter.emit({ event: 'start', run: 'r', command: 'diff', total: 1 });
    await vi.advanceTimersByTimeAsync(FRAME_MS);
    reporter.emit({ event: 'diff', spokes: ['tokyo'], ids: [1], end: 'hub', text: '--- a\n+++ b\n', drift: [] });
    await vi.advanceTimersByTimeAsync(FRAME_MS);
    reporter.emit(makeRecap('r', 'diff', [], 0, { interrupted: false, exitCodeOnDifference: false }));
    await reporter.finish();
    expect(terminal.text).toBe('# tokyo vxlan01 at the hub\n--- a\n+++ b\n\nno tunnels (0 ms)\n');
  });
});
