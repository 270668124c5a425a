/** A part of the benchmark that no compiler looks at: it takes the modules as they come. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const DIST = process.env['VXFLEET_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url));

it('plans and renders with the modules as they are built', () => {
  const program = fileURLToPath(new URL('../../bench/render-scale.mjs', import.meta.url));
  const stdout = execFileSync(process.execPath, [program, join(DIST, '../.dist.modules'), '3'], { encoding: 'utf8' });
  const { bytes } = JSON.parse(stdout) as { bytes: number };
  expect(bytes).toBeGreaterThan(3000);
});
