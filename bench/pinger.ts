/** Pings through many tunnels at once, from the hub; the program is pinger.c. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../src/lab/run-program.js';

export interface PingReport {
  /** In the order of the addresses. */
  readonly targets: readonly { readonly sent: number; readonly lost: number; readonly longestMs: number }[];
  readonly userMs: number;
  readonly systemMs: number;
  readonly latestMs: number;
  /** Pings for which the machine had no buffer or no time. */
  readonly skipped: number;
}

export const compilePinger = async (path: string): Promise<string> => {
  await runProgram(['cc', '-O2', '-o', path, fileURLToPath(new URL('pinger.c', import.meta.url))]);
  return path;
};

/**
 * @param argv the program, and what leads into the hub's namespace before it; what runs there ends with the lab
 * @returns what ends it
 */
export async function startPinger(
  argv: readonly string[],
  addresses: readonly string[],
  intervalMs: number,
): Promise<() => Promise<PingReport>> {
  const [command = '', ...args] = [...argv, String(intervalMs), ...addresses];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = text(child.stdout);
  await once(child, 'spawn');
  return async () => {
    child.stdin.end();
    const report = (await said).split('\n')[1];
    if (report === undefined) throw new Error('the pinger said nothing');
    return JSON.parse(report) as PingReport;
  };
}
