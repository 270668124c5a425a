import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { LATE_FLAG } from '../../src/compile-late.js';

it('sets a flag that this V8 knows', () => {
  const setFlag = (flag: string): string =>
    spawnSync(process.execPath, ['-e', `require('node:v8').setFlagsFromString('${flag}')`], { encoding: 'utf8' })
      .stderr;
  expect(setFlag(LATE_FLAG)).toBe('');
  expect(setFlag('--no-such-flag=1')).toContain('unrecognized flag');
});
