/** The tunnels that nobody touches: pinged from the hub for the whole of a run, they must not lose a packet. */
import type { TestLab } from '../lab/harness.js';

/** Answers that may be on their way when the pings are stopped: half a second of them, for a machine that is busy. */
const UNDER_WAY = 50;

export interface Bystanders {
  /** Ends the pings; a sentence for each tunnel that lost packets. */
  stop(): Promise<string[]>;
}

export async function watchBystanders(lab: TestLab, addresses: readonly string[]): Promise<Bystanders> {
  const pings = await Promise.all(addresses.map(async (address) => startPing(lab, address)));
  return { stop: async () => (await Promise.all(pings.map(async (stop) => stop()))).flat() };
}

/** Returns what ends the ping and says what was lost. */
async function startPing(lab: TestLab, address: string): Promise<() => Promise<string[]>> {
  const ping = await lab.spawnExec('hub', ['ping', '-6', '-n', '-i', '0.01', address]);
  // A reboot of the hub ends it too, and then there is nobody to be stopped.
  let isOver = false;
  void ping.ended.then(() => (isOver = true));
  return async () => {
    const { stdout } = await (isOver ? ping.ended : ping.stop());
    const lost = countLost(stdout);
    if (lost === undefined) return [`bystander ${address}: its ping was killed`];
    return lost > 0 ? [`bystander ${address}: ${lost} packets lost`] : [];
  };
}

/** By the numbers that are missing among the answers: ping's own count takes what is under way for lost. Undefined: no count at all. */
function countLost(output: string): number | undefined {
  const transmitted = Number(/^(\d+) packets transmitted/m.exec(output)?.[1] ?? Number.NaN);
  if (Number.isNaN(transmitted)) return undefined;
  const answered = new Set([...output.matchAll(/icmp_seq=(\d+) ttl=/g)].map((match) => Number(match[1])));
  const last = Math.max(0, ...answered);
  const silentEnd = transmitted - last > UNDER_WAY ? transmitted - last : 0;
  return last - answered.size + silentEnd;
}
