/** lab: a fleet of real hosts on this machine, to try and to test on. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { VxfleetError } from '../errors.js';
import { labCut, labHeal } from '../lab/lab-cable.js';
import { labDown } from '../lab/lab-down.js';
import { parseImageChoice, type ImageChoice } from '../lab/lab-images.js';
import { defaultLabName } from '../lab/lab-paths.js';
import { labReboot } from '../lab/lab-reboot.js';
import { labExec, labRun } from '../lab/lab-run.js';
import { LAB_IMAGES } from '../lab/lab-state.js';
import { labStatus } from '../lab/lab-status.js';
import { labUp } from '../lab/lab-up.js';
import { printable } from '../printable.js';
import { parseCount } from './common-options.js';
import type { Finish } from './finish.js';
import { examples } from './help-text.js';
import { readInventory } from './load-fleet.js';

interface LabOptions {
  readonly name: string;
}

interface UpOptions extends LabOptions {
  readonly spokes: number;
  readonly inventory?: string;
  readonly image?: readonly ImageChoice[];
}

export function addLabCommand(program: Command, finish: Finish): void {
  const lab = program
    .command('lab')
    // What follows a lab's command to run is that command's own, with or without --.
    .enablePositionalOptions()
    .description('Run a fleet of real hosts on this machine (Linux, root), to try vxfleet and to test it.')
    .addHelpText('after', examples('vxfleet lab up --spokes 3', 'vxfleet lab run -- deploy'));
  addUp(lab, finish);
  addDown(lab, finish);
  addRun(lab, finish);
  addExec(lab, finish);
  addStatus(lab, finish);
  for (const verb of HOST_VERBS) addHostVerb(lab, finish, verb);
}

function addUp(lab: Command, finish: Finish): void {
  named(
    lab
      .command('up')
      .description('Start a hub and spokes: real sshd, ifupdown and VXLAN, each in namespaces of its own.'),
  )
    .option('--spokes <n>', 'how many spokes, 1 to 255', parseCount(1), 3)
    .option(
      '-i, --inventory <file>',
      'the fleet to start, with underlay addresses of 198.18.0.0/15, in place of --spokes',
    )
    .option(
      '--image <[host=]image>',
      `what all hosts run, or one: ${LAB_IMAGES.join(', ')}; machine, the default, is this machine's own Debian; ` +
        'may be given several times',
      addImageChoice,
    )
    .addHelpText(
      'after',
      examples('vxfleet lab up', 'vxfleet lab up --spokes 8', 'vxfleet lab up --image trixie --image tokyo=bullseye'),
    )
    .action((options: UpOptions) => finish(up(options)));
}

/** One more `--image`. */
function addImageChoice(text: string, previous: readonly ImageChoice[] = []): readonly ImageChoice[] {
  const choice = parseImageChoice(text);
  if (choice === undefined)
    throw new InvalidArgumentError(`It takes ${LAB_IMAGES.join(', ')}, or HOST= and one of these.`);
  return [...previous, choice];
}

async function up({ name, spokes, inventory: path, image: images }: UpOptions): Promise<number> {
  const inventory = path === undefined ? undefined : await readInventory(path);
  if (inventory !== undefined && basename(inventory.path) === '-')
    throw new VxfleetError('usage', 'the inventory of a lab is a file that stays: `lab run` reads it each time');
  const started = performance.now();
  const { hosts, inventoryPath } = await labUp({ name, spokes, inventory, images, log });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  log(`lab ${name}: a hub and ${hosts - 1} spokes are up after ${seconds} s; their inventory is ${inventoryPath}`);
  log(`next: vxfleet lab run ${nameOption(name)}-- deploy`);
  return 0;
}

function addDown(lab: Command, finish: Finish): void {
  named(lab.command('down').description('End the lab and remove all of it, also what a crash left.'))
    .option('--purge', 'remove the cached image too')
    .addHelpText('after', examples('vxfleet lab down', 'vxfleet lab down --purge'))
    .action((options: LabOptions & { purge?: true }) => finish(down(options)));
}

async function down({ name, purge }: LabOptions & { purge?: true }): Promise<number> {
  const wasThere = await labDown({ name, purgeImage: purge === true });
  log(wasThere ? `lab ${name}: gone` : `lab ${name}: there was none`);
  return 0;
}

function addRun(lab: Command, finish: Finish): void {
  named(lab.command('run').description('Run a vxfleet command on the lab, from its controller.'))
    .argument('<command...>', 'a vxfleet command with its arguments')
    .passThroughOptions()
    .addHelpText('after', examples('vxfleet lab run -- deploy', 'vxfleet lab run -- verify tokyo'))
    .action((argv: string[], { name }: LabOptions) =>
      finish(labRun({ name, argv: withoutDashes(argv), binPath: BIN })),
    );
}

function addExec(lab: Command, finish: Finish): void {
  named(lab.command('exec').description('Run any command on a host of the lab, as root.'))
    .argument('<host>', 'hub or a spoke')
    .argument('<command...>', 'the command with its arguments')
    .passThroughOptions()
    .addHelpText('after', examples('vxfleet lab exec hub -- ip -br link', 'vxfleet lab exec tokyo -- bash'))
    .action((host: string, argv: string[], { name }: LabOptions) =>
      finish(labExec({ name, host, argv: withoutDashes(argv) })),
    );
}

/** Options that are passed through leave the `--` before them where it is, after a first word. */
const withoutDashes = (argv: readonly string[]): readonly string[] => (argv[0] === '--' ? argv.slice(1) : argv);

function addStatus(lab: Command, finish: Finish): void {
  named(lab.command('status').description('Show which hosts of the lab are up, and what they run.'))
    .addHelpText('after', examples('vxfleet lab status', 'vxfleet lab status --name other'))
    .action(({ name }: LabOptions) => finish(status(name)));
}

async function status(name: string): Promise<number> {
  const { phase, hosts } = await labStatus(name);
  process.stdout.write(`lab ${name}: ${phase}\n`);
  const width = Math.max(0, ...hosts.map((host) => host.name.length));
  for (const host of hosts) {
    const state = host.isRunning ? (host.isCut ? 'cut' : 'up') : 'dead';
    process.stdout.write(`${host.name.padEnd(width)}  ${host.address.padEnd(15)}  ${state.padEnd(4)}  ${host.image}\n`);
  }
  return 0;
}

interface HostVerb {
  readonly word: string;
  readonly description: string;
  /** What is said when it is done. */
  readonly done: string;
  readonly act: (options: { name: string; host: string }) => Promise<void>;
}

const HOST_VERBS: readonly HostVerb[] = [
  { word: 'reboot', description: 'Restart a host: its disk stays, all else goes.', done: 'restarted', act: labReboot },
  { word: 'cut', description: "Pull a host's cable to the underlay.", done: 'cable pulled', act: labCut },
  { word: 'heal', description: "Put a host's cable back.", done: 'cable back', act: labHeal },
];

function addHostVerb(lab: Command, finish: Finish, { word, description, done, act }: HostVerb): void {
  named(lab.command(word).description(description))
    .argument('<host>', 'hub or a spoke')
    .addHelpText('after', examples(`vxfleet lab ${word} tokyo`, `vxfleet lab ${word} hub`))
    .action((host: string, { name }: LabOptions) =>
      finish(
        act({ name, host }).then(() => {
          log(`${host}: ${done}`);
          return 0;
        }),
      ),
    );
}

/** Several labs may exist at once. */
const named = (command: Command): Command =>
  command.addOption(new Option('--name <lab>', 'which lab; also VXFLEET_LAB').default(defaultLabName()));

const BIN = fileURLToPath(new URL('../bin.js', import.meta.url));

const nameOption = (name: string): string => (name === defaultLabName() ? '' : `--name ${name} `);

const log = (message: string): void => {
  process.stderr.write(`${printable(message)}\n`);
};
