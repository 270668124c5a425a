import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let copy = '';
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'vxfleet-layers-'));
  for (const name of ['src', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

/** What dependency-cruiser says about the copy. */
async function cruise(): Promise<{ readonly violations: readonly Violation[]; readonly modules: readonly string[] }> {
  const argv = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile(
      join(ROOT, 'node_modules/.bin/depcruise'),
      argv,
      { cwd: copy, maxBuffer: 2 ** 27 },
      // Exits non-zero on violations, which are the answer here.
      (error, out) => (out.startsWith('{') ? resolve(out) : reject(error ?? new Error('no JSON'))),
    );
  });
  const { summary, modules } = JSON.parse(stdout) as {
    summary: { violations: Violation[] };
    modules: { source: string }[];
  };
  return { violations: summary.violations, modules: modules.map((module) => module.source) };
}

/** A file that breaks the rules, and the rules that must say so. */
const PLANTED = [
  ['src/plan/planted.ts', '../ssh/transport.js', ['layer-plan']],
  ['src/inventory/planted.ts', '../plan/plan.js', ['layer-inventory']],
  ['src/render/planted.ts', '../verify/queries.js', ['layer-render']],
  ['src/verify/planted.ts', '../host/host-session.js', ['layer-diff-verify']],
  ['src/diff/planted.ts', '../verify/queries.js', ['diff-and-verify-are-strangers']],
  ['src/ssh/planted.ts', '../host/host-session.js', ['layer-ssh']],
  ['src/host/planted.ts', '../deploy/run-fleet.js', ['layer-host']],
  ['src/deploy/planted.ts', '../report/recap.js', ['layer-deploy']],
  ['src/report/planted.ts', '../deploy/run-fleet.js', ['report-knows-events-only']],
  ['src/report/planted.ts', '../plan/make-plan.js', ['report-knows-events-only']],
  ['src/commands/planted.ts', '../cli.js', ['layer-commands']],
  ['src/errors.planted.ts', './lab/lab-up.js', ['lab-is-used-by-commands-only']],
  ['src/deploy/planted.ts', '../lab/lab-up.js', ['lab-is-used-by-commands-only']],
  ['src/lab/planted.ts', '../deploy/run-fleet.js', ['lab-stands-alone']],
  ['src/diff/planted.ts', 'node:fs', ['pure-core']],
  ['src/inventory/planted.ts', 'node:fs/promises', ['pure-core']],
  ['src/plan/planted.ts', 'node:child_process', ['pure-core']],
  ['src/verify/planted.ts', 'node:net', ['pure-core-opens-no-sockets']],
  ['src/deploy/planted.ts', 'ssh2', ['ssh2-in-ssh-only']],
  ['src/deploy/planted.ts', 'listr2', ['listr2-in-report-only']],
  ['src/deploy/planted.ts', 'commander', ['commander-in-the-command-line-only']],
  ['src/deploy/planted.ts', 'vitest', ['no-dev-dependencies']],
  ['src/deploy/planted.ts', './not-there.js', ['resolvable']],
] as const;

describe('layer rules', () => {
  it('look at every TypeScript file and find the source clean', async () => {
    const { violations, modules } = await cruise();
    expect(violations).toEqual([]);
    // A compiler that dependency-cruiser cannot use makes it skip TypeScript without a word.
    expect(modules.filter((module) => module.startsWith('src/') && module.endsWith('.ts')).length).toBeGreaterThan(50);
  });

  it.each(PLANTED)('refuse %s that imports %s', async (file, specifier, rules) => {
    writeFileSync(join(copy, file), `import * as planted from '${specifier}';\nexport const used = planted;\n`);
    const { violations } = await cruise();
    const names = violations.filter(({ from }) => from === file).map(({ rule }) => rule.name);
    expect(names).toEqual(expect.arrayContaining([...rules]));
  });

  it('refuse a type-only import of a higher layer', async () => {
    writeFileSync(join(copy, 'src/plan/planted.ts'), `export type { Transport } from '../ssh/transport.js';\n`);
    const { violations } = await cruise();
    expect(violations.map(({ rule }) => rule.name)).toContain('layer-plan');
  });

  it('refuse two files that import each other', async () => {
    writeFileSync(join(copy, 'src/plan/a.ts'), `import { b } from './b.js';\nexport const a = (): unknown => b;\n`);
    writeFileSync(join(copy, 'src/plan/b.ts'), `import { a } from './a.js';\nexport const b = (): unknown => a;\n`);
    const { violations } = await cruise();
    expect(violations.map(({ rule }) => rule.name)).toContain('no-cycles');
  });

  it('refuse a file that stands alone', async () => {
    writeFileSync(join(copy, 'src/plan/planted.ts'), 'export const alone = 1;\n');
    const { violations } = await cruise();
    expect(violations.map(({ rule }) => rule.name)).toContain('no-orphans');
  });
});
