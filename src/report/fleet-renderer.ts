/**
 * Draws listr2's tasks on a given stream. listr2's own renderer writes to stdout (our stdout is data), takes the width of the wrong
 * stream, and redraws at every event, which cost 27 s of CPU at 256 tasks.
 */
import type { ListrTaskObject } from 'listr2';
import { fleetFrame } from './fleet-frame.js';
import type { FrameScreen } from './frame-screen.js';
import type { Paint } from './paint.js';

export interface FleetRendererOptions {
  readonly screen: FrameScreen;
  readonly paint: Paint;
  /** True once the frame is gone for good: listr2 ends a few ticks later and must not draw over what follows. */
  readonly isStopped: () => boolean;
  /** Brings titles and lines up to date, before each frame. */
  readonly update: () => void;
}

/** Ten frames a second are smooth to the eye and cost the same at 3 tunnels and at 255. */
const FRAME_INTERVAL_MS = 100;
const MARKERS = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;

export class FleetRenderer {
  /** Whether there is a terminal is decided before; without this listr2 looks at stdout. */
  static nonTTY = true;
  static rendererOptions: FleetRendererOptions;
  static rendererTaskOptions: Readonly<Record<string, undefined>>;

  private readonly tasks: readonly ListrTaskObject<unknown, typeof FleetRenderer, typeof FleetRenderer>[];
  private readonly options: FleetRendererOptions;
  private timer: NodeJS.Timeout | undefined;
  private frameNumber = 0;

  constructor(
    tasks: ListrTaskObject<unknown, typeof FleetRenderer, typeof FleetRenderer>[],
    options: FleetRendererOptions,
  ) {
    this.tasks = tasks;
    this.options = options;
  }

  render = (): void => {
    this.draw();
    // A view must not keep the process alive once the run is over.
    this.timer = setInterval(() => this.draw(), FRAME_INTERVAL_MS).unref();
  };

  end = (): void => {
    clearInterval(this.timer);
    this.options.screen.clear();
  };

  private draw(): void {
    const { screen, paint, isStopped, update } = this.options;
    if (isStopped()) return;
    update();
    const marker = MARKERS[this.frameNumber++ % MARKERS.length] ?? '-';
    const tasks = this.tasks.map(({ title, output }) => ({
      title: title ?? '',
      lines: output === undefined || output === '' ? [] : output.split('\n'),
    }));
    screen.draw(fleetFrame(tasks, marker, screen, paint));
  }
}
