/**
 * `npm run bench:put-back -- [ROUNDS]`: for how long a tunnel that works is dead when a change of it cannot work, as pings through it see it and as
 * vxfleet says it. The change is one of the port, and a firewall on the spoke drops the new one: all but packets is as planned.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Recap } from '../src/events.js';
import { Fleet, removeFleet } from './fleet.js';
import { haltWhenInterrupted, onInterrupt } from './interrupt.js';
import { FOR_PINGS, installPrograms } from './packages.js';
import { compilePinger } from './pinger.js';
import { median, percentile } from './statistics.js';
import { vxfleet } from './vxfleet-contestant.js';

const LAB = 'putback';
const ROUNDS = 20;
const PING_MS = 10;
const MARGIN_MS = 500;
const PORT = 4999;
const DROP = `nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'; nft add rule inet t i udp dport ${PORT} drop`;

const say = (message: string): void => void process.stdout.write(`${message}\n`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

async function main(rounds: number): Promise<void> {
  await installPrograms([FOR_PINGS], say);
  const pinger = await compilePinger(join(tmpdir(), `vxfleet-pinger-${LAB}`));
  const fleet = await Fleet.start(LAB, 2, pinger);
  const name = fleet.relayed.name;
  const good = await fleet.writeInventory('good');
  const bad = await fleet.writeInventory('bad', { [name]: { dstport: PORT } });
  await fleet.measure(vxfleet('deploy', '-i', good), { counts: false });
  await fleet.checkTunnels('vxfleet');
  await fleet.shell(name, DROP);

  const seen: number[] = [];
  const said: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const stop = await fleet.ping([1], PING_MS);
    await sleep(MARGIN_MS);
    const argv = vxfleet('deploy', name, '-i', bad, '--output', 'json');
    const measured = await fleet.measure(argv, { counts: false });
    await sleep(MARGIN_MS);
    const [target] = (await stop()).targets;
    const recap = JSON.parse(measured.said.trim().split('\n').at(-1) ?? '') as Recap;
    const result = recap.tunnels[0];
    if (target === undefined || result?.status !== 'reverted' || result.down_ms === null) {
      throw new Error(`not put back:\n${measured.said}`);
    }
    seen.push(target.longestMs);
    said.push(result.down_ms);
    say(`${String(round).padStart(3)}  dead ${seconds(target.longestMs)}, said ${seconds(result.down_ms)}`);
  }
  await fleet.stop();
  for (const [who, values] of Object.entries({ dead: seen, said })) {
    say(`${who}: median ${seconds(median(values))}, p95 ${seconds(percentile(values, 0.95))}, of ${values.length}`);
  }
}

onInterrupt(() => removeFleet(LAB));
try {
  await main(Number(process.argv[2] ?? ROUNDS));
} catch (error) {
  await haltWhenInterrupted();
  await removeFleet(LAB);
  throw error;
}
