import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Minutes of what Node.js has no part in: the program of the hosts, the model of its protocol, the kernel, sizes, the source's layers. And what puts a
 * function of its own in the place of one of Node.js, which it would keep for the next file of its process.
 */
const LEFT_OUT_ON_OTHER_NODES = [
  'test/host/host-{doubt,guard,intrude,probe,program,records,systemd}.test.ts',
  'test/host/protocol-model.test.ts',
  'test/inventory/load-inventory.test.ts',
  'test/render/scale.test.ts',
  'test/verify/expectation-matches-templates.test.ts',
  'test/architecture/**',
  'test/ssh/local-user.test.ts',
];
/** Set by .ci/node-versions.sh. */
const leftOut = process.env['VXFLEET_TESTS'] === 'node-versions' ? LEFT_OUT_ON_OTHER_NODES : [];

/** The main job and what may come between, tested on every Debian; with VXFLEET_TESTS=full all that a release could make a difference to. */
const MAIN_FILES = ['deploy', 'faults', 'rollback'];
const FULL_FILES = [...MAIN_FILES, 'history', 'late-devices', 'modes', 'orphans', 'refusals', 'stanzas', 'writers'];
const isFull = process.env['VXFLEET_TESTS'] === 'full';

/**
 * Files at work at once. Most of their time is waiting: for a window to end, for an answer that does not come. By default vitest leaves one processor
 * of two alone.
 */
const WORKERS = 6;

/** Tests of real hosts: `env` says what they run (VXFLEET_TEST_IMAGE) and how they are reached (VXFLEET_TRANSPORT). */
const labProject = (name: string, env: Record<string, string>, files: readonly string[]) => ({
  extends: true as const,
  test: {
    name,
    include: files.map((file) => `test/lab/${file}.test.ts`),
    env,
    globalSetup: ['test/package/build-dist.ts'],
    // For what never ends. A test waits for a state, and on a busy machine that may be minutes away.
    testTimeout: 300_000,
    // The first lab on a machine makes its image, which downloads packages.
    hookTimeout: 600_000,
    maxWorkers: WORKERS,
  },
});

/** What takes minutes begins first, or the last of it would run alone. The longest at the top. */
const LONGEST = [
  'lab/matrix',
  'lab/rollback',
  'lab/orphans',
  'lab/deploy',
  'host/host-doubt',
  'lab/ifupdown-variants',
  'lab/campaign',
  'lab/writers',
  'lab/refusals',
  'lab/faults',
  'lab/modes',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return index < 0 ? LONGEST.length : index;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    sequence: { sequencer: LongestFirst },
    coverage: { include: ['src/**/*.ts'], reportsDirectory: 'coverage' },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/package/**', 'test/architecture/**', ...leftOut],
          maxWorkers: WORKERS,
          // For what never ends: a busy machine is no failure.
          testTimeout: 300_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts', 'test/architecture/**/*.test.ts'],
          exclude: leftOut,
          globalSetup: ['test/package/build-dist.ts'],
          // npm, tsc and the dependency graph, in processes of their own.
          testTimeout: 300_000,
          hookTimeout: 600_000,
          maxWorkers: WORKERS,
        },
      },
      labProject('lab', {}, ['**/*']),
      labProject('lab-trixie', { VXFLEET_TEST_IMAGE: 'trixie' }, isFull ? FULL_FILES : MAIN_FILES),
      ...(isFull
        ? [
            labProject('lab-bullseye', { VXFLEET_TEST_IMAGE: 'bullseye' }, FULL_FILES),
            labProject('lab-openssh', { VXFLEET_TRANSPORT: 'openssh' }, ['**/*']),
          ]
        : [labProject('lab-openssh', { VXFLEET_TRANSPORT: 'openssh' }, ['deploy'])]),
    ],
  },
});
