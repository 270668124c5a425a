/** The lab fleet that everything is measured on. */
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { labDown } from '../src/lab/lab-down.js';
import { controllerNamespace, homeDirectory, hostNamespace, NETNS_ROOT } from '../src/lab/lab-paths.js';
import { readLabState, type LabHost } from '../src/lab/lab-state.js';
import { labUp } from '../src/lab/lab-up.js';
import { findProcesses, isInit } from '../src/lab/namespace-processes.js';
import { runProgram } from '../src/lab/run-program.js';
import { removeGroups } from './control-group.js';
import { inventoryText, tunnelAddress, type SpokeChange } from './fleet-inventory.js';
import { watchHostProgram } from './host-program.js';
import { haltWhenInterrupted } from './interrupt.js';
import { measureProgram, type Measured } from './measure-program.js';
import { startPinger, type PingReport } from './pinger.js';
import { COUNTING_PORT, DELAYING_PORT, Relays } from './relays.js';

/** Hosts that are put back to nothing at once. */
const RESETS = 8;

/**
 * Takes every tunnel of a host away by what its own files say, and all that a contestant leaves: it is then as it was after its start.
 * Without ifdown, which would take as long as what is measured; and without `exec`, which would end the shell that runs them all.
 */
const RESET = `cd /etc/network/interfaces.d
sed -n 's/^ *post-down //p' -- * 2>/dev/null | sed 's/\\bexec //' | sh
rm -rf ./* ./.vx* /var/lib/vxfleet /run/vxfleet /run/network/ifstate.vxlan*
echo lo=lo >/run/network/ifstate`;

/** How long what a contestant left on the hosts may take to end, in ms: sshd's children, mostly. */
const SETTLE_MS = 400;
/** A look whether every tunnel answers: pings of a tunnel every so many ms, for so long. */
const CHECK_PING_MS = 200;
const CHECK_MS = 1000;

export interface MeasureOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly onLine?: (line: string, atMs: number) => void;
  /** Count what is started on the hosts, and what passes to the spoke behind the relay. */
  readonly counts?: boolean;
}

export class Fleet {
  readonly lab: string;
  readonly directory: string;
  readonly hosts: readonly LabHost[];
  readonly home: string;
  readonly relays: Relays;
  readonly #inits: ReadonlyMap<string, number>;
  readonly #pinger: string;

  private constructor(
    lab: string,
    hosts: readonly LabHost[],
    inits: ReadonlyMap<string, number>,
    relays: Relays,
    pinger: string,
  ) {
    this.lab = lab;
    this.directory = benchDirectory(lab);
    this.hosts = hosts;
    this.home = homeDirectory(lab);
    this.relays = relays;
    this.#inits = inits;
    this.#pinger = pinger;
  }

  /** Replaces what an earlier run has left. */
  static async start(lab: string, spokes: number, pinger: string): Promise<Fleet> {
    await haltWhenInterrupted();
    await removeFleet(lab);
    await labUp({ name: lab, spokes, log: () => undefined });
    const hosts = (await readLabState(lab))?.hosts ?? [];
    const found = findProcesses(hosts.map(({ name }) => hostNamespace(lab, name)));
    const inits = new Map(
      hosts.map(({ name }): [string, number] => [name, found.get(hostNamespace(lab, name))?.find(isInit) ?? 0]),
    );
    const [, relayed] = hosts;
    if (relayed === undefined) throw new Error('a lab without spokes');
    const relays = await Relays.start(controllerEntry(lab), relayed);
    const fleet = new Fleet(lab, hosts, inits, relays, pinger);
    await mkdir(fleet.directory, { recursive: true });
    await fleet.#knowRelays(relayed);
    return fleet;
  }

  get spokes(): readonly LabHost[] {
    return this.hosts.slice(1);
  }

  /** The spoke behind the relays, the first; in gateway mode. */
  get relayed(): LabHost {
    const [spoke] = this.spokes;
    if (spoke === undefined) throw new Error('a lab without spokes');
    return spoke;
  }

  /** The relay's keys are those of the host behind it. */
  async #knowRelays({ address }: LabHost): Promise<void> {
    const path = join(this.home, '.ssh/known_hosts');
    const line = (await readFile(path, 'utf8')).split('\n').find((known) => known.startsWith(`${address} `));
    const key = line?.slice(address.length + 1) ?? '';
    for (const port of [COUNTING_PORT, DELAYING_PORT]) await appendFile(path, `[127.0.0.1]:${port} ${key}\n`);
  }

  /** Writes an inventory in which the relayed spoke is reached through a relay. */
  async writeInventory(
    name: string,
    changes: Readonly<Record<string, SpokeChange>> = {},
    { port = COUNTING_PORT, templates }: { readonly port?: number; readonly templates?: string } = {},
  ): Promise<string> {
    const path = join(this.directory, `${name}.yaml`);
    const ssh = { host: '127.0.0.1', port };
    const relayed = { ...changes[this.relayed.name], ssh };
    const text = inventoryText(this.hosts, { ...changes, [this.relayed.name]: relayed });
    await writeFile(path, templates === undefined ? text : `templates: ${templates}\n${text}`);
    return path;
  }

  /** Runs a program on the controller. */
  async measure(argv: readonly string[], { env, onLine, counts = true }: MeasureOptions = {}): Promise<Measured> {
    const before = counts ? await this.#lastPids() : {};
    await this.relays.take();
    const hubProgram = counts ? watchHostProgram(this.#inits.get('hub') ?? 0) : undefined;
    const measured = await measureProgram({
      lab: this.lab,
      argv: [...controllerEntry(this.lab), ...argv],
      env: { ...process.env, HOME: this.home, LC_ALL: 'C.UTF-8', ...env },
      ...(onLine === undefined ? {} : { onLine }),
    });
    if (hubProgram === undefined) return measured;
    const hubPeakKiB = hubProgram.stop();
    await sleep(SETTLE_MS);
    const after = await this.#lastPids();
    // The look before has started one process itself.
    const processes = Object.fromEntries(
      Object.entries(after).map(([host, pid]) => [host, pid - (before[host] ?? 0) - 1]),
    );
    const { counting, delaying } = await this.relays.take();
    return { ...measured, wire: delaying.connections > 0 ? delaying : counting, processes, hubPeakKiB };
  }

  /** The last pid given in the namespaces of the hub and of two spokes, one of each mode. */
  async #lastPids(): Promise<Record<string, number>> {
    const looked = ['hub', this.relayed.name, this.spokes[2]?.name ?? this.relayed.name];
    const pids: Record<string, number> = {};
    for (const host of new Set(looked)) {
      const argv = ['nsenter', '-t', this.#init(host), '-p', 'cat', '/proc/sys/kernel/ns_last_pid'];
      pids[host] = Number(await runProgram(argv));
    }
    return pids;
  }

  /** Runs a shell's text on a host. */
  async shell(host: string, text: string): Promise<string> {
    const enter = ['nsenter', '-t', this.#init(host), '-m', '-u', '-i', '-n', '-p', '-r', '-w'];
    return runProgram([...enter, '/bin/sh', '-s'], { input: text });
  }

  #init(host: string): string {
    return String(this.#inits.get(host) ?? 0);
  }

  /** Pings these spokes, by id, through their tunnels; each every so many ms. */
  async ping(ids: readonly number[], intervalMs: number): Promise<() => Promise<PingReport>> {
    const enter = ['nsenter', `--net=${NETNS_ROOT}/${hostNamespace(this.lab, 'hub')}`];
    return startPinger([...enter, this.#pinger], ids.map(tunnelAddress), intervalMs);
  }

  /** @throws Error when a tunnel does not answer: whoever was measured has not done the job */
  async checkTunnels(who: string): Promise<void> {
    const ids = this.spokes.map((_, index) => index + 1);
    const stop = await this.ping(ids, CHECK_PING_MS);
    await sleep(CHECK_MS);
    const { targets } = await stop();
    const dead = this.spokes.filter((_, index) => targets[index]?.lost === targets[index]?.sent);
    if (dead.length > 0) throw new Error(`${dead.length} tunnels do not answer after ${who}, ${dead[0]?.name} first`);
  }

  /** Back to hosts without a tunnel. */
  async reset(): Promise<void> {
    const limit = pLimit(RESETS);
    await Promise.all(this.hosts.map(({ name }) => limit(() => this.shell(name, RESET))));
  }

  async stop(): Promise<void> {
    this.relays.stop();
    await removeFleet(this.lab);
  }
}

export const benchDirectory = (lab: string): string => join(tmpdir(), `vxfleet-bench-${lab}`);

const controllerEntry = (lab: string): string[] => ['nsenter', `--net=${NETNS_ROOT}/${controllerNamespace(lab)}`, '--'];

/** Ends a fleet in whatever state it is, with every program that was started in its namespaces. */
export async function removeFleet(lab: string): Promise<void> {
  await removeGroups(lab);
  await labDown({ name: lab });
  await rm(benchDirectory(lab), { recursive: true, force: true });
}
