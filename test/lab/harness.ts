/** Real hosts for tests: a lab that is started for one test file, with vxfleet run inside it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Inventory, Spoke } from '../../src/inventory/inventory.js';
import { loadInventory } from '../../src/inventory/load-inventory.js';
import { checkMachine } from '../../src/lab/check-machine.js';
import { labCut, labHeal } from '../../src/lab/lab-cable.js';
import { controllerCommand, hostCommand, type LabCommand } from '../../src/lab/lab-command.js';
import { labDown } from '../../src/lab/lab-down.js';
import { parseImageChoice, type ImageChoice } from '../../src/lab/lab-images.js';
import { homeDirectory } from '../../src/lab/lab-paths.js';
import { labReboot } from '../../src/lab/lab-reboot.js';
import { readLabState } from '../../src/lab/lab-state.js';
import { labUp } from '../../src/lab/lab-up.js';
import { watchKernel } from './watch-kernel.js';

/** The built program. Tests of the lab run it as users do. */
export const DIST = process.env['VXFLEET_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url));
/** The same, a file for each module: for what reaches into the program. */
export const MODULES = join(DIST, '../.dist.modules');
const BIN = join(DIST, 'bin.js');

export interface Outcome {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs on a host until it is told to stop. */
export interface Running {
  /** Sends the signal (SIGINT by default, so that ping prints its counts) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Outcome>;
  /** When it ends by itself. */
  readonly ended: Promise<Outcome>;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** SIGKILL after this many ms. */
  readonly timeoutMs?: number;
  /** Aborting sends SIGINT, as Ctrl-C does. */
  readonly interrupt?: AbortSignal;
  /** Aborting sends SIGSTOP. */
  readonly stop?: AbortSignal;
  /** Aborting sends SIGKILL. */
  readonly kill?: AbortSignal;
  /** false: nobody says how spokes are reached that the inventory no longer has. */
  readonly saysWays?: false;
  /** Why the hosts may be other ones after the run though it says that it has changed nothing; without it they are looked at. */
  readonly unwatched?: string;
}

interface LabOptions {
  readonly spokes?: number;
  readonly inventoryText?: string;
  /** In place of the test project's. */
  readonly images?: readonly ImageChoice[];
}

export interface TestLab {
  readonly name: string;
  /** The inventory that `run` uses by default; tests may rewrite it. */
  readonly inventoryPath: string;
  /** The names of its hosts, the hub first. */
  readonly hosts: readonly string[];
  /** HOME of the controller. */
  readonly home: string;
  /** A directory of the machine's that goes with the lab. */
  readonly scratch: string;
  /** vxfleet on the controller. What it says it has put back must be as it was: see watch-kernel.ts. */
  run(argv: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Any command on a host, as root. */
  exec(host: string, argv: readonly string[]): Promise<Outcome>;
  /** A command on a host that goes on while the test does something else. */
  spawnExec(host: string, argv: readonly string[]): Promise<Running>;
  reboot(host: string): Promise<void>;
  cut(host: string): Promise<void>;
  heal(host: string): Promise<void>;
  /** Every host as it was when the lab came up: no file, record, link or process of vxfleet's, every cable in. */
  wipe(): Promise<void>;
  down(): Promise<void>;
}

/**
 * Where a scene begins, whatever the one before has left: this inventory, deployed. Hosts on which that cannot be done any more are wiped.
 * @param text the inventory
 */
export async function beginDeployed(lab: TestLab, text: string): Promise<void> {
  await writeFile(lab.inventoryPath, text);
  await Promise.all(lab.hosts.map((host) => lab.exec(host, ['ip', 'xfrm', 'policy', 'flush'])));
  const deploy = async (): Promise<Outcome> =>
    lab.run(['deploy', '--prune', '--prune-max', '99', '--adopt', '--takeover'], {
      unwatched: "what was there is any test's",
    });
  if ((await deploy()).code === 0) return;
  await lab.wipe();
  const { code, stdout, stderr } = await deploy();
  if (code !== 0) throw new Error(`wiped hosts could not be deployed:\n${stdout}${stderr}`);
}

/** Waits for what comes of itself, however slow the machine is. @throws when it does not come within minutes */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await sleep(100);
  }
}

/** No test waits this long; on a machine that does much else, an answer of a second may take a minute. */
const PATIENCE_MS = 90_000;

/** What vxfleet, or a test on its behalf, has put onto a host's disk. All else that a test does is gone with a reboot. */
const WIPE = 'rm -rf /etc/network/interfaces.d/*vxlan* /etc/network/interfaces.d/.v* /var/lib/vxfleet';

/**
 * Why lab tests cannot run here, for `describe.skipIf`; undefined when they can. CI must run them: there it is always undefined, and a machine that
 * is not fit fails the tests.
 */
export async function labAvailability(): Promise<string | undefined> {
  if (process.env['CI'] === 'true') return undefined;
  return checkMachine().then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

/** Words of `lab up --image`. */
export const imageChoices = (...texts: readonly string[]): ImageChoice[] =>
  texts.map((text) => {
    const choice = parseImageChoice(text);
    if (choice === undefined) throw new Error(`there is no image ${text}`);
    return choice;
  });

/** What all hosts of a lab run unless a test says otherwise: a test project's own, see vitest.config.ts. */
const PROJECT_IMAGES = imageChoices(process.env['VXFLEET_TEST_IMAGE'] ?? 'machine');

/** What distinguishes the projects of vitest.config.ts, which run beside each other. */
const PROJECT = [process.env['VXFLEET_TEST_IMAGE'], process.env['VXFLEET_TRANSPORT']].join();

/** Names a lab of this checkout and project: the tests of another one, on the same machine, have labs of their own. */
export const labOfCheckout = (name: string): string =>
  `${name}${createHash('sha256')
    .update(fileURLToPath(import.meta.url) + PROJECT)
    .digest('hex')
    .slice(0, 4)}`;

/**
 * Starts a lab, replacing one that an earlier test run left.
 * @param part the first part of its name (a-z and 0-9), unlike every other test file's
 */
export async function startLab(
  part: string,
  { spokes = 2, inventoryText, images = PROJECT_IMAGES }: LabOptions = {},
): Promise<TestLab> {
  const name = labOfCheckout(part);
  await labDown({ name });
  await rm(scratchOf(name), { recursive: true, force: true });
  await mkdir(scratchOf(name), { recursive: true });
  const given = inventoryText === undefined ? undefined : await writeInventory(name, inventoryText);
  const { inventoryPath } = await labUp({
    name,
    spokes,
    inventory: given,
    images,
    log: () => undefined,
  });
  const exec = async (host: string, argv: readonly string[]): Promise<Outcome> =>
    collect(start(await hostCommand(name, host, argv), {}), {});
  const loaded = await loadInventory(inventoryPath);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
  const { spokes: sites } = loaded.inventory;
  const hosts = ((await readLabState(name))?.hosts ?? []).map((host) => host.name);
  const watch = watchKernel({ names: hosts, exec });
  return {
    name,
    inventoryPath,
    hosts,
    home: homeDirectory(name),
    scratch: scratchOf(name),
    run: async (argv, options = {}) => {
      const ways = options.saysWays === false ? [] : await formerWays(sites, argv, inventoryPath);
      const run = async () => collect(start(await controllerCommand(name, BIN, [...argv, ...ways]), options), options);
      return options.unwatched === undefined ? watch(argv, run) : run();
    },
    exec,
    spawnExec: async (host, argv) => follow(start(await hostCommand(name, host, argv), {})),
    reboot: (host) => labReboot({ name, host }),
    cut: (host) => labCut({ name, host }),
    heal: (host) => labHeal({ name, host }),
    wipe: async () => {
      for (const host of hosts) {
        await exec(host, ['sh', '-c', WIPE]);
        await labReboot({ name, host });
        await labHeal({ name, host });
      }
    },
    down: async () => {
      await labDown({ name });
      await rm(scratchOf(name), { recursive: true, force: true });
    },
  };
}

/** What an operator says of spokes that the inventory in use no longer has. */
async function formerWays(
  sites: readonly Spoke[],
  argv: readonly string[],
  inventoryPath: string,
): Promise<readonly string[]> {
  if (argv[0] !== 'rollback' && !argv.includes('--prune')) return [];
  const loaded = await loadInventory(argv[argv.indexOf('-i') + 1 || argv.length] ?? inventoryPath);
  if (!loaded.ok) return [];
  const names = loaded.inventory.spokes.map((spoke) => spoke.name);
  return sites
    .filter((site) => !names.includes(site.name))
    .flatMap((site) => ['--ssh', `${site.name}=${site.underlay.address}`]);
}

/** One place a lab, so that a killed run leaves no more than that. */
const scratchOf = (name: string): string => join(tmpdir(), `vxfleet-test-${name}`);

async function writeInventory(name: string, text: string): Promise<Inventory> {
  const path = join(scratchOf(name), 'inventory.yaml');
  await writeFile(path, text);
  const result = await loadInventory(path);
  if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 2));
  return result.inventory;
}

function start({ command, args, env }: LabCommand, options: RunOptions): ChildProcess {
  return spawn(command, args, {
    env: { ...env, ...options.env },
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function collect(child: ChildProcess, { timeoutMs, interrupt, stop, kill }: RunOptions): Promise<Outcome> {
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  interrupt?.addEventListener('abort', () => child.kill('SIGINT'));
  stop?.addEventListener('abort', () => child.kill('SIGSTOP'));
  kill?.addEventListener('abort', () => child.kill('SIGKILL'));
  if (child.stdout === null || child.stderr === null) throw new TypeError('spawn without pipes');
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), code]);
  clearTimeout(timer);
  return { code: exitCode, stdout, stderr };
}

function follow(child: ChildProcess): Running {
  const ended = collect(child, {});
  return {
    ended,
    stop: async (signal = 'SIGINT') => {
      // Just started, nsenter may not have come so far.
      while (child.exitCode === null && child.signalCode === null && (await findChildren(child)).length === 0) {
        await sleep(10);
      }
      for (const pid of await findChildren(child)) process.kill(pid, signal);
      return ended;
    },
  };
}

/** nsenter waits for its child, the program itself, and passes no signal on. */
async function findChildren({ pid }: ChildProcess): Promise<number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return list.trim().split(' ').filter(Boolean).map(Number);
}
