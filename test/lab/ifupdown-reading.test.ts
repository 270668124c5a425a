/** What vxfleet's reader makes of /etc/network/interfaces, held against the real ifupdown's. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { INTERFACES_CASES } from '../host/interfaces/interfaces-cases.js';
import { labAvailability, startLab, type TestLab } from './harness.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });
const unavailable = await labAvailability();

describe.skipIf(unavailable !== undefined)(`ifquery of a real host ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  beforeAll(async () => {
    lab = await startLab('reading', { spokes: 1 });
  });
  afterAll(async () => {
    await lab?.down();
  });

  it.each(INTERFACES_CASES)('agrees with the reader: $what', async ({ files, starts }) => {
    const all = { ...files, '/etc/network/interfaces.d/vxlan01': 'auto vxlan01\niface vxlan01 inet6 manual\n' };
    const script = Object.entries(all).map(
      ([path, text]) => `mkdir -p "$(dirname ${path})"; printf %s '${text.replaceAll("'", `'\\''`)}' >${path}`,
    );
    const argv = ['sh', '-uc', `rm -rf /etc/network/*; ${script.join('\n')}\nifquery --list -a 2>/dev/null || true`];
    const { stdout } = await lab.exec('tokyo', argv);
    // It takes lo for the first of all, whatever the files say.
    const listed = stdout.split('\n').filter((line) => line !== '' && line !== 'lo');
    expect(listed).toEqual(starts.filter((name) => name !== 'lo'));
  });
});
