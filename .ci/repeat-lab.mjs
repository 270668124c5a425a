/**
 * npm run test:repeat: the tests of the lab, again and again, to see whether one of them fails by chance.
 *
 *     npm run test:repeat -- [TIMES] [VITEST_ARGUMENT...]
 *
 * Five times by default. Prints a line per run with its time, and then how often which test failed. Exits with 1 when any did.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countTests, summaryLine } from './count-tests.mjs';

const DEFAULT_TIMES = 5;
const root = join(import.meta.dirname, '..');

function runOnce(output, vitestArguments) {
  const argv = [
    'run',
    '--config',
    'test/vitest.config.ts',
    '--project',
    'lab*',
    '--reporter=json',
    `--outputFile=${output}`,
  ];
  const options = {
    cwd: root,
    // Under CI a machine that cannot have a lab fails; elsewhere its tests would be skipped, and nothing seen.
    env: { ...process.env, CI: 'true' },
    stdio: ['ignore', 'ignore', 'inherit'],
  };
  const begin = Date.now();
  const { status, signal, error } = spawnSync(
    join(root, 'node_modules/.bin/vitest'),
    [...argv, ...vitestArguments],
    options,
  );
  if (error !== undefined) throw error;
  if (signal !== null) process.exit(1); // Ctrl-C
  return { ...countTests({ json: read(output), status }), seconds: (Date.now() - begin) / 1000 };
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // vitest did not come so far: countTests says so
  }
}

const asTime = (seconds) => `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;

function main([first, ...rest]) {
  const isNumber = /^[1-9]\d*$/.test(first ?? '');
  const times = isNumber ? Number(first) : DEFAULT_TIMES;
  const vitestArguments = isNumber || first === undefined ? rest : [first, ...rest];
  const directory = mkdtempSync(join(tmpdir(), 'vxfleet-repeat-'));
  const failures = new Map();
  let good = 0;
  try {
    for (let run = 1; run <= times; run += 1) {
      const { passed, skipped, failures: failed, seconds } = runOnce(join(directory, `${run}.json`), vitestArguments);
      console.log(
        `run ${run} of ${times}: ${summaryLine({ passed, failed: failed.length, skipped })}, ${asTime(seconds)}`,
      );
      if (failed.length === 0) good += 1;
      for (const title of failed) failures.set(title, (failures.get(title) ?? 0) + 1);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  for (const [title, count] of [...failures].toSorted(([, one], [, other]) => other - one))
    console.log(`FAILED  ${count} of ${times}  ${title}`);
  console.log(`${good} of ${times} runs passed`);
  process.exitCode = good === times ? 0 : 1;
}

main(process.argv.slice(2));
