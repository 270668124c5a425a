import { defineConfig } from 'vitest/config';
import { fileURLToPath } from 'node:url';

/** Minutes of what Node.js has no part in: the bash program of the hosts, the model of its protocol, the kernel, sizes, the source's layers. */
const LEFT_OUT_ON_OTHER_NODES = [
  'test/host/host-{doubt,guard,probe,program,records,systemd}.test.ts',
  'test/host/protocol-model.test.ts',
  'test/inventory/load-inventory.test.ts',
  'test/render/scale.test.ts',
  'test/verify/expectation-matches-templates.test.ts',
  'test/architecture/**',
];
/** Set by .ci/node-versions.sh. */
const leftOut = process.env['VXFLEET_TESTS'] === 'node-versions' ? LEFT_OUT_ON_OTHER_NODES : [];

/** The main job and what may come between, tested on every Debian; with VXFLEET_TESTS=full all that a release could make a difference to. */
const MAIN_FILES = ['deploy', 'faults', 'rollback'];
const FULL_FILES = [...MAIN_FILES, 'history', 'late-devices', 'modes', 'orphans', 'refusals', 'stanzas', 'writers'];
const isFull = process.env['VXFLEET_TESTS'] === 'full';

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
    // Their hosts wait most of the time: for a window to end, for an answer that does not come.
    maxWorkers: 4,
    sequence: { groupOrder: 1 },
  },
});

/** Groups run one after the other: first all that needs no hosts. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    coverage: { include: ['src/**/*.ts'], reportsDirectory: 'coverage' },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/package/**', 'test/architecture/**', ...leftOut],
          // Most of their time is waiting too: for a host's deadline, for a session that is lost. By default vitest leaves one processor of two alone.
          maxWorkers: 4,
          // For what never ends: a busy machine is no failure.
          testTimeout: 300_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
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
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
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
