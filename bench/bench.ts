/** `npm run bench`: vxfleet, Ansible and the floor on real hosts of a lab, and the page that shows it. */
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../src/lab/run-program.js';
import { benchDirectory, Fleet, removeFleet } from './fleet.js';
import { haltWhenInterrupted, onInterrupt } from './interrupt.js';
import { measureFleet } from './measure-fleet.js';
import { measureScale } from './measure-scale.js';
import { readOptions, USAGE, type BenchOptions } from './options.js';
import { FOR_ANSIBLE, FOR_PINGS, FOR_TUNING, installPrograms } from './packages.js';
import { compilePinger } from './pinger.js';
import { KEPT_RESULTS, mergeFleet, readResults, writeResults, type Results } from './results.js';
import { bestForks, tuneAnsible, TUNED_AT } from './tune-ansible.js';
import { writePage } from './write-page.js';

const say = (message: string): void => void process.stdout.write(`${message}\n`);

async function main(options: BenchOptions): Promise<void> {
  if (options.page) return writePage(await readResults(KEPT_RESULTS));
  // Without --write the results are kept for a look, and nothing of the source changes.
  const path = options.write ? KEPT_RESULTS : join(tmpdir(), 'vxfleet-bench.json');
  let results: Results = { ...(await readResults(path)), machine: machineText() };
  const save = async (): Promise<void> => {
    await writeResults(path, results);
    if (options.write) await writePage(results);
  };
  const { parts, lab } = options;
  const needsAnsible = parts.has('ansible') || parts.has('tune');
  await installPrograms([FOR_PINGS, ...(needsAnsible ? [FOR_ANSIBLE] : [])], say);
  const pinger = await compilePinger(join(tmpdir(), `vxfleet-pinger-${lab}`));
  const isFleetNeeded = [...parts].some((part) => part !== 'scale');
  for (const spokes of isFleetNeeded ? options.fleets : []) {
    say(`starting ${spokes} spokes`);
    const fleet = await Fleet.start(lab, spokes, pinger);
    if (isTuningDue(options, spokes, results)) {
      await installPrograms([FOR_TUNING], say);
      results = { ...results, tuning: await tuneAnsible(fleet) };
    }
    results = { ...results, versions: await versionsText(needsAnsible, results.versions) };
    const failed = await measureFleet(fleet, options, bestForks(results.tuning), async (result) => {
      results = mergeFleet(results, result);
      await save();
    });
    for (const failure of failed) {
      process.stderr.write(`failed: ${failure}\n`);
      process.exitCode = 1;
    }
    await fleet.stop();
  }
  if (parts.has('scale')) {
    results = { ...results, scale: await measureScale(lab, benchDirectory(lab)) };
    await save();
  }
  say(`results: ${path}`);
}

/** Once, and not again: what is best for Ansible does not change with us. */
const isTuningDue = ({ parts, isPartial }: BenchOptions, spokes: number, { tuning }: Results): boolean =>
  parts.has('tune') && (isPartial || (spokes === TUNED_AT && tuning.length === 0));

const machineText = (): string =>
  `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node.js ${process.versions.node}`;

/** What the others are; unknown stays as it was. */
async function versionsText(hasAnsible: boolean, before: string): Promise<string> {
  if (!hasAnsible) return before;
  const [first = ''] = (await runProgram(['ansible-playbook', '--version'])).split('\n');
  return first.replace(/^.*\[(.*)\].*$/, 'ansible-$1');
}

const options = readOptions(process.argv.slice(2));
if (options.help) {
  process.stdout.write(USAGE);
} else {
  onInterrupt(() => removeFleet(options.lab));
  try {
    await main(options);
  } catch (error) {
    await haltWhenInterrupted();
    throw error;
  } finally {
    await removeFleet(options.lab);
  }
}
