import { afterEach, describe, expect, it, vi } from 'vitest';
import type { HostOptions } from '../../src/commands/common-options.js';
import type { LoadedFleet } from '../../src/commands/load-fleet.js';
import { withTransport } from '../../src/commands/open-transport.js';

afterEach(() => vi.unstubAllEnvs());

/** Nothing of the fleet is looked at before the options are known to go together. */
const open = async (options: Partial<HostOptions>): Promise<void> =>
  withTransport(options as HostOptions, {} as LoadedFleet, vi.fn(), async () => {
    throw new Error('was opened');
  });

describe('--transport openssh', () => {
  it('is refused without an ssh program, before any host is contacted', async () => {
    vi.stubEnv('PATH', '/nowhere');
    await expect(open({ transport: 'openssh' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('not in PATH') as string,
      hint: expect.stringContaining('openssh-client') as string,
    });
  });

  it('is refused with --ask-pass', async () => {
    await expect(open({ transport: 'openssh', askPass: true })).rejects.toMatchObject({ code: 'usage' });
  });
});
