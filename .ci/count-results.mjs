/**
 * Counts what `.ci/run` ran and prints the one line that CI ends with.
 *
 *     count-results.mjs DIRECTORY TEST_STATUS DEMO_STATUS
 *
 * DIRECTORY holds `checks` (a line a check), `vitest.json` (its JSON reporter's) and `vitest-status` (its exit code). A step that
 * left nothing behind counts as failed: no result is no success.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns {{ passed: number, failed: number, skipped: number, failures: string[] }} */
function countResults({ checks, vitestJson, vitestStatus, testStatus, demoStatus }) {
  const failures = [];
  let passed = 0;
  let skipped = 0;
  const count = (ok, name) => (ok ? (passed += 1) : failures.push(name));

  const checkLines = (checks ?? '').split('\n').filter(Boolean);
  for (const line of checkLines) count(line.startsWith('ok '), `check: ${line.replace(/^\S+ /, '')}`);
  if (checkLines.length === 0) failures.push('the checks did not run');

  const files = parseFiles(vitestJson);
  for (const file of files ?? []) {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') failures.push(`test: ${test.fullName}`);
      else skipped += 1;
    }
    // A file that cannot be loaded, or whose beforeAll throws, fails without any test of it failing.
    const hasFailedTest = file.assertionResults.some((test) => test.status === 'failed');
    if (file.status === 'failed' && !hasFailedTest) failures.push(`test file: ${file.name}`);
  }
  if (files === undefined || files.length === 0) failures.push('vitest left no results');
  // Errors outside of any test (an unhandled rejection, say) end vitest with 1 and are in no test's result.
  if (vitestStatus !== 0 && !failures.some((failure) => /^(?:test|vitest)/.test(failure)))
    failures.push('vitest: error outside of a test');
  if (testStatus !== 0 && failures.length === 0) failures.push(`npm test ended with ${testStatus}`);
  count(demoStatus === 0, 'npm run demo');

  return { passed, failed: failures.length, skipped, failures };
}

function parseFiles(json) {
  try {
    return JSON.parse(json).testResults;
  } catch {
    return undefined;
  }
}

function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function main([directory, testStatus, demoStatus]) {
  const read = (name) => {
    try {
      return readFileSync(join(directory, name), 'utf8');
    } catch {
      return undefined;
    }
  };
  const results = countResults({
    checks: read('checks'),
    vitestJson: read('vitest.json'),
    vitestStatus: Number(read('vitest-status') ?? Number.NaN),
    testStatus: Number(testStatus),
    demoStatus: Number(demoStatus),
  });
  for (const failure of results.failures) console.log(`FAILED  ${failure}`);
  console.log(summaryLine(results));
  process.exitCode = results.failed === 0 ? 0 : 1;
}

main(process.argv.slice(2));
