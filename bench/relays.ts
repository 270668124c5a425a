/** The relays in front of one spoke of a fleet; the program is relay.mjs. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LabHost } from '../src/lab/lab-state.js';
import type { Wire } from './results.js';

/** Ports of the controller's loopback. */
export const COUNTING_PORT = 2201;
export const DELAYING_PORT = 2202;
/** One way, in ms: 200 there and back. */
const DELAY_MS = 100;

export class Relays {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @param enter argv that leads into the controller's namespace; what runs there ends with the lab */
  static async start(enter: readonly string[], { address: host, port }: LabHost): Promise<Relays> {
    const relays = [
      { listen: COUNTING_PORT, host, port, delayMs: 0 },
      { listen: DELAYING_PORT, host, port, delayMs: DELAY_MS },
    ];
    const program = fileURLToPath(new URL('relay.mjs', import.meta.url));
    const [command = '', ...args] = enter;
    const argv = [...args, process.execPath, program, JSON.stringify(relays)];
    const started = new Relays(spawn(command, argv, { stdio: 'pipe' }));
    await started.#lines.next();
    return started;
  }

  /** What passed since the last call, through the relay that counts only and through the one that delays. */
  async take(): Promise<{ readonly counting: Wire; readonly delaying: Wire }> {
    this.#child.stdin.write('\n');
    const { value } = (await this.#lines.next()) as { readonly value: string | undefined };
    const [counting, delaying] = JSON.parse(value ?? '[]') as Wire[];
    if (counting === undefined || delaying === undefined) throw new Error('the relay has ended');
    return { counting, delaying };
  }

  stop(): void {
    this.#child.stdin.end();
  }
}
