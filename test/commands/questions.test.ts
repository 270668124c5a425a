import { describe, expect, it } from 'vitest';
import { Questions } from '../../src/commands/questions.js';

// test/lab/ssh.test.ts asks on a terminal.
describe.skipIf(process.stdin.isTTY)('without a terminal', () => {
  it('no passphrase is known', async () => {
    expect(await new Questions().passphrase('/keys/fleet')).toBeUndefined();
  });

  it('--ask-pass is a mistake', async () => {
    await expect(new Questions().password()).rejects.toMatchObject({ code: 'usage' });
  });
});
