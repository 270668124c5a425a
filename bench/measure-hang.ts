/** One host whose sshd is stopped (SIGSTOP): its kernel still takes connections, and nobody answers. */
import type { TunnelResult } from '../src/events.js';
import type { Fleet } from './fleet.js';
import type { Hang } from './results.js';
import { vxfleet } from './vxfleet-contestant.js';

/** What vxfleet gives a host for the SSH handshake, in ms: TCP's own is the kernel's and is over at once. */
const DEADLINE_MS = 20_000;

export async function measureHang(fleet: Fleet, inventory: string): Promise<Hang> {
  const hung = fleet.spokes[1]?.name ?? '';
  const alive = await deployAndWatch(fleet, inventory, hung);
  await fleet.shell(hung, 'kill -STOP "$(cat /run/sshd.pid)"');
  try {
    const stopped = await deployAndWatch(fleet, inventory, hung);
    const { status, othersMs, wallMs } = stopped;
    return { othersAliveMs: alive.othersMs, othersHungMs: othersMs, wallMs, status, deadlineMs: DEADLINE_MS };
  } finally {
    await fleet.shell(hung, 'kill -CONT "$(cat /run/sshd.pid)"');
  }
}

interface Watched {
  /** When the last of the other tunnels had its result. */
  readonly othersMs: number;
  readonly wallMs: number;
  readonly status: string;
}

async function deployAndWatch(fleet: Fleet, inventory: string, hung: string): Promise<Watched> {
  let othersMs = 0;
  let status = 'no result';
  const onLine = (line: string, atMs: number): void => {
    const event = JSON.parse(line) as { readonly event: string } & Partial<TunnelResult>;
    if (event.event !== 'tunnel') return;
    if (event.spoke === hung) status = event.status ?? status;
    else othersMs = Math.round(atMs);
  };
  const argv = vxfleet('deploy', '--output', 'json', '-i', inventory);
  const { wallMs } = await fleet.measure(argv, { onLine, counts: false });
  process.stdout.write(`     hang     others done after ${othersMs} ms, ${hung} ${status} after ${wallMs} ms\n`);
  return { othersMs, wallMs, status };
}
