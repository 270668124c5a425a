/**
 * Counts what `.ci/run` ran and prints the one line that CI ends with.
 *
 *     count-results.mjs DIRECTORY TEST_STATUS DEMO_STATUS
 *
 * DIRECTORY holds `checks` (a line a check) and, of each run of vitest, its JSON reporter's `NAME.json` and its exit code `NAME-status`: `vitest`, and
 * `vitest-VERSION` for another version of Node.js. A step that left nothing behind counts as failed: no result is no success.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { countTests, summaryLine } from './count-tests.mjs';

/** @returns {{ passed: number, failed: number, skipped: number, failures: string[] }} */
function countResults({ checks, vitestRuns, testStatus, demoStatus }) {
  const checkLines = (checks ?? '').split('\n').filter(Boolean);
  const failedChecks = checkLines.filter((line) => !line.startsWith('ok '));
  const failures = failedChecks.map((line) => `check: ${line.replace(/^\S+ /, '')}`);
  if (checkLines.length === 0) failures.push('the checks did not run');
  let passed = checkLines.length - failedChecks.length;
  let skipped = 0;

  for (const run of vitestRuns) {
    const tests = countTests(run);
    passed += tests.passed;
    skipped += tests.skipped;
    failures.push(...tests.failures.map((failure) => `${run.name} ${failure}`));
  }
  if (testStatus !== 0 && failures.length === 0) failures.push(`npm test ended with ${testStatus}`);
  if (demoStatus === 0) passed += 1;
  else failures.push('npm run demo');
  return { passed, failed: failures.length, skipped, failures };
}

function main([directory, testStatus, demoStatus]) {
  const read = (name) => {
    try {
      return readFileSync(join(directory, name), 'utf8');
    } catch {
      return undefined;
    }
  };
  const statusFiles = readdirSync(directory).filter((file) => /^vitest-.+-status$/.test(file));
  const runs = ['vitest', ...statusFiles.map((file) => file.replace(/-status$/, '')).toSorted()];
  const results = countResults({
    checks: read('checks'),
    vitestRuns: runs.map((name) => ({
      name,
      json: read(`${name}.json`),
      status: Number(read(`${name}-status`) ?? Number.NaN),
    })),
    testStatus: Number(testStatus),
    demoStatus: Number(demoStatus),
  });
  for (const failure of results.failures) console.log(`FAILED  ${failure}`);
  console.log(summaryLine(results));
  process.exitCode = results.failed === 0 ? 0 : 1;
}

main(process.argv.slice(2));
