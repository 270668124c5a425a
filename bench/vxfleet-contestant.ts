/** vxfleet, as it was built. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FIRST, NOTHING, START, type Contestant } from './contestant.js';

/** The built program. */
export const DIST = process.env['VXFLEET_DIST'] ?? fileURLToPath(new URL('../dist', import.meta.url));

/** The same, a file for each module. */
export const MODULES = join(DIST, '../.dist.modules');

/** vxfleet with its lines on stdout, so that nothing depends on the terminal. */
export const vxfleet = (...argv: readonly string[]): string[] => [process.execPath, join(DIST, 'bin.js'), ...argv];

/** @param inventory its file */
export const vxfleetContestant = (inventory: string): Contestant => ({
  name: 'vxfleet',
  scenarios: [
    { name: FIRST, argv: vxfleet('deploy', '-i', inventory) },
    { name: NOTHING, argv: vxfleet('deploy', '-i', inventory) },
    { name: 'diff', argv: vxfleet('diff', '-i', inventory) },
    { name: 'verify', argv: vxfleet('verify', '-i', inventory) },
    { name: START, argv: vxfleet('--version') },
    { name: 'rollback', argv: vxfleet('rollback', '--remove', '-i', inventory) },
  ],
});
