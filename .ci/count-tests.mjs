/**
 * Counts one run of vitest.
 * @param {{ json: string | undefined, status: number }} run what its JSON reporter has left, and its exit code
 * @returns {{ passed: number, skipped: number, failures: string[] }} a run that left nothing has failed
 */
export function countTests({ json, status }) {
  const files = parseFiles(json);
  if (files === undefined || files.length === 0) return { passed: 0, skipped: 0, failures: ['left no results'] };
  const failures = [];
  let passed = 0;
  let skipped = 0;
  for (const file of files) {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') failures.push(`test: ${test.fullName}`);
      else skipped += 1;
    }
    // A file that cannot be loaded, or whose beforeAll throws, fails without any test of it failing.
    const hasFailedTest = file.assertionResults.some((test) => test.status === 'failed');
    if (file.status === 'failed' && !hasFailedTest) failures.push(`test file: ${file.name}`);
  }
  // Errors outside of any test (an unhandled rejection, say) end vitest with 1 and are in no test's result.
  if (status !== 0 && failures.length === 0) failures.push('error outside of a test');
  return { passed, skipped, failures };
}

function parseFiles(json) {
  try {
    return JSON.parse(json).testResults;
  } catch {
    return undefined;
  }
}

export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
