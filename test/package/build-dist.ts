import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Lab tests run the built program, as users do; VXFLEET_DIST names one that is built already. */
export default function buildDist(): void {
  if (process.env['VXFLEET_DIST'] !== undefined) return;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  execFileSync('bash', ['.ci/build.sh', '--if-stale'], { cwd: root, stdio: 'inherit' });
}
