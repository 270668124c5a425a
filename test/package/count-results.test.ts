import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../.ci/count-results.mjs', import.meta.url));

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vxfleet-results-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);

/** The JSON reporter's answer for one file with tests of these statuses. */
function vitestJson(fileStatus: string, ...statuses: string[]): string {
  const assertionResults = statuses.map((status, index) => ({ status, fullName: `test ${index}` }));
  return JSON.stringify({ testResults: [{ name: 'file', status: fileStatus, assertionResults }] });
}

interface Counted {
  readonly failures: string[];
  readonly line: string | undefined;
  readonly code: number;
}

/** What it names as failed, the last line, and the exit code. */
async function count(testStatus: number, demoStatus: number): Promise<Counted> {
  return new Promise((resolve) => {
    const argv = [SCRIPT, directory, String(testStatus), String(demoStatus)];
    const child = execFile(process.execPath, argv, (_error, stdout) => {
      const lines = stdout.trim().split('\n');
      resolve({ failures: lines.slice(0, -1), line: lines.at(-1), code: child.exitCode ?? -1 });
    });
  });
}

it('counts each check, each test and the demo', async () => {
  write('checks', 'ok types\nok lint\n');
  write('vitest.json', vitestJson('passed', 'passed', 'passed', 'skipped'));
  write('vitest-status', '0\n');
  expect(await count(0, 0)).toMatchObject({ line: '5 passed, 0 failed, 1 skipped', code: 0 });
});

it('fails with a failed check, test or demo', async () => {
  write('checks', 'ok types\nfailed test-types\n');
  write('vitest.json', vitestJson('failed', 'passed', 'failed'));
  write('vitest-status', '1\n');
  expect(await count(1, 1)).toMatchObject({ line: '2 passed, 3 failed', code: 1 });
});

it('fails when vitest left no results, whatever its exit code', async () => {
  write('checks', 'ok types\n');
  write('vitest-status', '0\n');
  expect(await count(0, 0)).toMatchObject({ line: '2 passed, 1 failed', code: 1 });
});

it('counts a test file that could not be loaded', async () => {
  write('checks', 'ok types\n');
  write('vitest.json', vitestJson('failed'));
  write('vitest-status', '1\n');
  expect(await count(1, 0)).toMatchObject({ line: '2 passed, 1 failed', code: 1 });
});

it('counts an error outside of any test, also beside a failed check', async () => {
  write('checks', 'failed test-types\n');
  write('vitest.json', vitestJson('passed', 'passed'));
  write('vitest-status', '1\n');
  expect(await count(1, 0)).toMatchObject({ line: '2 passed, 2 failed', code: 1 });
});

it('counts the tests on another version of Node.js, and says which it was', async () => {
  write('checks', 'ok types\n');
  write('vitest.json', vitestJson('passed', 'passed'));
  write('vitest-status', '0\n');
  write('vitest-v22.1.0.json', vitestJson('failed', 'passed', 'failed', 'skipped'));
  write('vitest-v22.1.0-status', '1\n');
  expect(await count(1, 0)).toEqual({
    failures: ['FAILED  vitest-v22.1.0 test: test 1'],
    line: '4 passed, 1 failed, 1 skipped',
    code: 1,
  });
});

it('fails when another version of Node.js was begun with and did not come to its end', async () => {
  write('checks', 'ok types\n');
  write('vitest.json', vitestJson('passed', 'passed'));
  write('vitest-status', '0\n');
  write('vitest-v22.1.0-status', 'unfinished\n');
  expect(await count(0, 0)).toEqual({
    failures: ['FAILED  vitest-v22.1.0 left no results'],
    line: '3 passed, 1 failed',
    code: 1,
  });
});

it('fails when nothing came to run', async () => {
  expect(await count(1, 1)).toMatchObject({ line: '0 passed, 3 failed', code: 1 });
});
