/** The live view: few tasks for a whole fleet, what needs a person's eye above them, and the recap in their place at the end. */
import { Listr, type ListrTaskWrapper } from 'listr2';
import type { CommandName, RunEvent, TunnelResult } from '../events.js';
import { cutToWidth, wrapToWidth } from './fit-width.js';
import { FleetRenderer } from './fleet-renderer.js';
import { formatDiff } from './format-diff.js';
import { failureLine, formatFailure } from './format-failure.js';
import { formatRecap } from './format-recap.js';
import { formatTimings } from './format-timings.js';
import { FrameScreen } from './frame-screen.js';
import { LiveProgress } from './live-progress.js';
import { flush, widthOf } from './output-stream.js';
import { createPaint } from './paint.js';
import { plainLines } from './plain-line.js';
import type { Reporter, ReporterIo } from './reporter-io.js';
import { SharedFailures } from './shared-failures.js';
import { isFailure } from './status-text.js';

type LiveTask = ListrTaskWrapper<unknown, typeof FleetRenderer, typeof FleetRenderer>;

export function createLiveReporter(io: ReporterIo): Reporter {
  const paint = createPaint(io.color);
  // Lasting lines are wrapped to the terminal, and colour codes have no place in a wrapped line: only the first is painted.
  const plain = createPaint(false);
  const screen = new FrameScreen(io.stderr);
  const progress = new LiveProgress();
  const view = createView(screen, progress, io.color);
  const told = new SharedFailures();
  let command: CommandName = 'deploy';

  const printAbove = (lines: readonly string[], isAlarm: boolean) => {
    const wrapped = lines.flatMap((line) => wrapToWidth(line, screen.columns - 1));
    const [first, ...rest] = wrapped;
    if (first === undefined) return;
    screen.print([isAlarm ? paint('red', first) : first, ...rest].map((line) => `${line}\n`).join(''));
  };
  const printFailure = (result: TunnelResult) => {
    if (io.stdout.isTTY !== true) printAbove(formatFailure(result, { command, paint: plain }), true);
    // The recap tells the whole of it, on the same terminal.
    else screen.print(`${paint('red', cutToWidth(failureLine(result, command), screen.columns - 1))}\n`);
  };
  const printData = (text: string) => {
    // When stdout is the same terminal, the frame has to make room; the next frame comes back below the text.
    if (io.stdout.isTTY === true) screen.clear();
    io.stdout.write(text);
  };

  const emit = (event: RunEvent): void => {
    progress.apply(event, Date.now());
    switch (event.event) {
      case 'start':
        command = event.command;
        view.start();
        break;
      case 'tunnel':
        if (isFailure(event) && !told.isRepeated(event)) printFailure(event);
        break;
      case 'notice':
      case 'trace':
        printAbove(plainLines(event, { command, verbose: io.verbose, paint: plain }), false);
        break;
      case 'diff':
        printData(formatDiff(event, paint));
        break;
      case 'timings':
        printData(formatTimings(event.steps));
        break;
      case 'recap':
        view.stop();
        printData(formatRecap(event, { color: io.color, width: widthOf(io.stdout) }));
        break;
      case 'hub':
      case 'step':
        break;
    }
  };

  return {
    emit,
    finish: async () => {
      view.stop();
      await view.stopped();
      await Promise.all([flush(io.stdout), flush(io.stderr)]);
    },
  };
}

/** listr2's side of it: two tasks, open until the run is over, that show what `progress` knows. */
function createView(screen: FrameScreen, progress: LiveProgress, color: boolean) {
  let endTasks = (): void => undefined;
  const ended = new Promise<void>((resolve) => (endTasks = resolve));
  const tasks: { hub?: LiveTask; tunnels?: LiveTask } = {};
  let running: Promise<unknown> | undefined;
  let isStopped = false;
  // The last resort when something calls process.exit() in mid-run: a shell without a cursor helps nobody.
  const restoreTerminal = () => screen.clear();

  const update = () => {
    if (tasks.hub !== undefined) tasks.hub.title = progress.hubLine();
    if (tasks.tunnels === undefined) return;
    tasks.tunnels.title = progress.tunnelsLine();
    tasks.tunnels.output = progress.inFlightLines(Date.now()).join('\n');
  };
  const untilEnded = (name: keyof typeof tasks) => async (_: unknown, task: LiveTask) => {
    tasks[name] = task;
    await ended;
  };

  const listr = () =>
    new Listr<unknown, typeof FleetRenderer, typeof FleetRenderer>(
      [
        { title: progress.hubLine(), task: untilEnded('hub') },
        { title: progress.tunnelsLine(), task: untilEnded('tunnels') },
      ],
      {
        concurrent: true,
        exitOnError: false,
        // Its listener would call process.exit(127) on Ctrl-C, in the middle of unwinding what is in trial.
        registerSignalListeners: false,
        renderer: FleetRenderer,
        rendererOptions: { screen, paint: createPaint(color), isStopped: () => isStopped, update },
      },
    );

  return {
    start: () => {
      if (running !== undefined || isStopped) return;
      process.once('exit', restoreTerminal);
      running = listr().run();
    },
    /** Takes the frame away at once; listr2 itself ends a few ticks later. */
    stop: () => {
      if (isStopped) return;
      isStopped = true;
      endTasks();
      screen.clear();
      process.removeListener('exit', restoreTerminal);
    },
    stopped: async () => {
      await running;
    },
  };
}
