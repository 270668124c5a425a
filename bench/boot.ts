/**
 * `npm run bench:boot -- [ROUNDS]`: what the filter adds to the boot of a hub with 255 tunnels: `ifup -a` and `ifdown -a` of the same stanzas with and
 * without it, one after the other in each round.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { DEFAULTS, type Inventory, type Spoke } from '../src/inventory/inventory.js';
import { hostCommand } from '../src/lab/lab-command.js';
import { labDown } from '../src/lab/lab-down.js';
import { labUp } from '../src/lab/lab-up.js';
import { makePlan } from '../src/plan/make-plan.js';
import { loadTemplates } from '../src/render/load-templates.js';
import { renderTunnel } from '../src/render/render-tunnel.js';
import { onInterrupt } from './interrupt.js';
import { median } from './statistics.js';

const LAB = 'boot';
const ROUNDS = 3;
const TUNNELS = 255;
const HUB = '198.18.0.1';

const say = (message: string): void => void process.stdout.write(`${message}\n`);

const underlay = (address: string) => ({ address, local: address, device: 'eth0', hotplug: false });
const ssh = (host: string) =>
  ({ host, port: 22, user: 'root', identityFile: undefined, proxyJump: undefined, isOfInventory: true }) as const;

function spokeOf(id: number): Spoke {
  const address = `198.18.1.${id}`;
  const name = `site${id}`;
  return { ...DEFAULTS, name, id, vni: id, underlay: underlay(address), ssh: ssh(address), mtu: undefined, tags: [] };
}

/** A program that writes the files. */
function writeFiles(filter: boolean): string {
  const inventory: Inventory = {
    path: '-',
    prefix: '2001:db8:ae00::/40',
    templates: undefined,
    filter,
    hub: { underlay: underlay(HUB), ssh: ssh(HUB), anchor: undefined },
    spokeSsh: ssh(HUB),
    spokes: Array.from({ length: TUNNELS }, (_, index) => spokeOf(index + 1)),
  };
  const { ifupdown } = loadTemplates(undefined);
  const files = makePlan(inventory).tunnels.map(
    (tunnel) =>
      `cat >/etc/network/interfaces.d/${tunnel.interface} <<'END'\n${renderTunnel(tunnel, 'hub', ifupdown)}END\n`,
  );
  return files.join('');
}

async function onHub(script: string): Promise<string> {
  const { command, args, env } = await hostCommand(LAB, 'hub', ['bash', '-eu']);
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(script);
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  if (code !== 0) throw new Error(`the hub: status ${code}\n${said}`);
  return said;
}

/** Seconds of the clock and of the processors. */
async function timed(command: string): Promise<{ readonly real: number; readonly cpu: number }> {
  const said = await onHub(`TIMEFORMAT='%R %U %S'; { time ${command} >/dev/null 2>&1; } 2>&1`);
  const [real = 0, user = 0, system = 0] = said.trim().split(' ').map(Number);
  return { real, cpu: user + system };
}

async function main(rounds: number): Promise<void> {
  await labUp({ name: LAB, spokes: 1, log: say });
  const seen = new Map<string, { real: number; cpu: number }[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const filter of [false, true]) {
      await onHub(writeFiles(filter));
      for (const command of ['ifup -a', 'ifdown -a --exclude=lo --exclude=eth0']) {
        const key = `${command.slice(0, 9).trim()} ${filter ? 'with' : 'without'} the filter`;
        const took = await timed(command);
        seen.set(key, [...(seen.get(key) ?? []), took]);
        say(`${key}: ${took.real.toFixed(2)} s, ${took.cpu.toFixed(2)} s of CPU`);
      }
      if ((await onHub('ls /sys/class/net; nft list tables')).includes('vxlan')) throw new Error('tunnels are left');
    }
  }
  for (const [key, took] of seen) {
    say(
      `${key}: median ${median(took.map(({ real }) => real)).toFixed(2)} s, ${median(took.map(({ cpu }) => cpu)).toFixed(2)} s of CPU`,
    );
  }
}

const remove = async (): Promise<void> => void (await labDown({ name: LAB }));
onInterrupt(remove);
try {
  await main(Number(process.argv[2] ?? ROUNDS));
} finally {
  await remove();
}
