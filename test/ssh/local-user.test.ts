import { expect, it, vi } from 'vitest';
import type { SshTarget } from '../../src/inventory/inventory.js';
import { mergeTarget } from '../../src/ssh/merge-target.js';

vi.mock('node:os', async (load) => ({
  ...(await load<typeof import('node:os')>()),
  userInfo: () => {
    throw new Error('uv_os_get_passwd returned ENOENT');
  },
}));

it('merges the settings of a host for a uid that passwd does not have', () => {
  const unset = {
    isOfInventory: true,
    port: undefined,
    user: undefined,
    identityFile: undefined,
    proxyJump: undefined,
  };
  const gate: SshTarget = { ...unset, host: 'gate', isOutside: true };
  const options = { home: '/home/me', environment: {} };
  const jump = mergeTarget(gate, undefined, options);
  expect(jump.user).toBe(String(process.getuid?.()));
  expect(mergeTarget({ ...unset, host: 'tokyo' }, undefined, options).user).toBe('root');
});
