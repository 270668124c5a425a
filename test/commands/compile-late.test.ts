import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { lateFlag } from '../../src/compile-late.js';

const stderrOfSetting = (flag: string): string =>
  spawnSync(process.execPath, ['-e', `require('node:v8').setFlagsFromString('${flag}')`], { encoding: 'utf8' }).stderr;

it('sets no flag that this V8 does not know', () => {
  const flag = lateFlag(process.versions.node);
  if (flag !== undefined) expect(stderrOfSetting(flag)).toBe('');
  expect(stderrOfSetting('--no-such-flag=1')).toContain('unrecognized flag');
});

it('knows a flag for Node.js 20, and sets none in a version that nobody has looked at', () => {
  expect(lateFlag('20.19.0')).toBe('--interrupt-budget=1000000');
  expect(lateFlag('99.0.0')).toBeUndefined();
});
