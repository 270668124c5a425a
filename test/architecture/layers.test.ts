import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const copies: string[] = [];
afterAll(() => {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
});

/** A copy of the source to plant bad files in. */
function copySource(): string {
  const copy = mkdtempSync(join(tmpdir(), 'vxfleet-layers-'));
  copies.push(copy);
  for (const name of ['src', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

/** What dependency-cruiser says about the copy. */
async function cruise(
  copy: string,
): Promise<{ readonly violations: readonly Violation[]; readonly modules: readonly string[] }> {
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

/** A folder, what a file there must not import, and the rule that says so. */
const PLANTED = [
  ['plan/', '../ssh/transport.js', 'layer-plan'],
  ['inventory/', '../plan/plan.js', 'layer-inventory'],
  ['render/', '../verify/queries.js', 'layer-render'],
  ['verify/', '../host/host-session.js', 'layer-diff-verify-history'],
  ['diff/', '../verify/queries.js', 'diff-verify-and-history-are-strangers'],
  ['history/', '../diff/unified-diff.js', 'diff-verify-and-history-are-strangers'],
  ['history/', '../host/frames.js', 'layer-diff-verify-history'],
  ['history/', '../inventory/near-name.js', 'history-knows-the-plan-only'],
  ['ssh/', '../host/host-session.js', 'layer-ssh'],
  ['host/', '../preflight/scene.js', 'layer-host'],
  ['preflight/', '../change/tunnel.js', 'layer-preflight'],
  ['change/', '../jobs/run-fleet.js', 'layer-change'],
  ['jobs/', '../report/recap.js', 'layer-jobs'],
  ['report/', '../jobs/run-fleet.js', 'report-knows-events-only'],
  ['report/', '../plan/make-plan.js', 'report-knows-events-only'],
  ['commands/', '../cli.js', 'layer-commands'],
  ['', './lab/lab-up.js', 'lab-is-used-by-commands-only'],
  ['jobs/', '../lab/lab-up.js', 'lab-is-used-by-commands-only'],
  ['lab/', '../jobs/run-fleet.js', 'lab-stands-alone'],
  ['diff/', 'node:fs', 'pure-core'],
  ['inventory/', 'node:fs/promises', 'pure-core'],
  ['plan/', 'node:child_process', 'pure-core'],
  ['history/', 'node:fs', 'pure-core'],
  ['history/', 'node:net', 'pure-core-opens-no-sockets'],
  ['verify/', 'node:net', 'pure-core-opens-no-sockets'],
  ['change/', 'ssh2', 'ssh2-in-ssh-only'],
  ['jobs/', 'listr2', 'listr2-in-report-only'],
  ['jobs/', 'commander', 'commander-in-the-command-line-only'],
  ['jobs/', 'vitest', 'bundled-packages-only'],
  ['jobs/', './not-there.js', 'resolvable'],
] as const;

describe('layer rules', () => {
  it('look at every TypeScript file and find the source clean', async () => {
    const copy = copySource();
    const { violations, modules } = await cruise(copy);
    expect(violations).toEqual([]);
    // A compiler that dependency-cruiser cannot use makes it skip TypeScript without a word.
    expect(modules.filter((module) => module.startsWith('src/') && module.endsWith('.ts')).length).toBeGreaterThan(50);
  });

  describe('refuse', () => {
    // One look for all of them: each has a name of its own, and nothing imports any.
    const planted = PLANTED.map(([folder, specifier, rule], index) => ({
      file: `src/${folder}planted-${index}.ts`,
      specifier,
      rule,
    }));
    let found: readonly Violation[] = [];
    beforeAll(async () => {
      const copy = copySource();
      for (const { file, specifier } of planted)
        writeFileSync(join(copy, file), `import * as planted from '${specifier}';\nexport const used = planted;\n`);
      found = (await cruise(copy)).violations;
    });

    it.each(planted)('$file that imports $specifier ($rule)', ({ file, rule }) => {
      expect(found.filter(({ from }) => from === file).map((violation) => violation.rule.name)).toContain(rule);
    });
  });

  it('refuse a type-only import of a higher layer', async () => {
    const copy = copySource();
    writeFileSync(join(copy, 'src/plan/planted.ts'), `export type { Transport } from '../ssh/transport.js';\n`);
    const { violations } = await cruise(copy);
    expect(violations.map(({ rule }) => rule.name)).toContain('layer-plan');
  });

  it('refuse two files that import each other', async () => {
    const copy = copySource();
    writeFileSync(join(copy, 'src/plan/a.ts'), `import { b } from './b.js';\nexport const a = (): unknown => b;\n`);
    writeFileSync(join(copy, 'src/plan/b.ts'), `import { a } from './a.js';\nexport const b = (): unknown => a;\n`);
    const { violations } = await cruise(copy);
    expect(violations.map(({ rule }) => rule.name)).toContain('no-cycles');
  });

  it('refuse a file that stands alone', async () => {
    const copy = copySource();
    writeFileSync(join(copy, 'src/plan/planted.ts'), 'export const alone = 1;\n');
    const { violations } = await cruise(copy);
    expect(violations.map(({ rule }) => rule.name)).toContain('no-orphans');
  });
});
