import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KnownHostsStore } from '../../src/ssh/known-hosts-store.js';
import { explainFailure } from '../../src/ssh/openssh-failure.js';
import { OpenSshProgress } from '../../src/ssh/openssh-progress.js';
import { pathTo } from '../../src/ssh/effective-target.js';
import { TargetResolver } from '../../src/ssh/target-resolver.js';
import { makeHome, targetOf } from './ssh-test-server.js';

const NONCE = '0123456789abcdef0123456789abcdef';

/** What ssh says, marks of ours among it, and what a host can make it say. */
const WORDS = [
  ...['0 ORDER NONE NONE', '0 HOSTNAME ssh-ed25519 AAAA', '0 HOSTNAME x ==', '0 IN'].map((mark) => `${NONCE} ${mark}`),
  ...['1 ORDER NONE NONE', '1 HOSTNAME ssh-rsa AAAAB3Nz'].map((mark) => `${NONCE} ${mark}`),
  'Host key verification failed.',
  'Offending ED25519 key in /etc/passwd:1',
  '@ WARNING: REVOKED HOST KEY DETECTED! @',
  'Permission denied (publickey,$(reboot)).',
  'Permission denied (keyboard-interactive).',
  'Too many authentication failures',
  'Unable to negotiate with 1.2.3.4 port 22: no matching cipher found. Their offer: `reboot`',
  'kex_exchange_identification: banner line contains invalid characters',
  'ssh: connect to host evil port 22: Connection refused',
  'ssh: Could not resolve hostname evil: Temporary failure in name resolution',
  'command-line: line 0: Bad configuration option: evil',
  'channel 0: open failed: administratively prohibited: evil',
  'Connection timed out during banner exchange',
  'Connection closed by UNKNOWN port 65535',
  'Received disconnect from 1.2.3.4 port 22:2: evil',
];

it('is an error with a code and a way out, whatever a host makes ssh say', async () => {
  const home = makeHome();
  const resolver = new TargetResolver({ home, environment: {} });
  const target = await resolver.resolve(targetOf(22, { proxyJump: [targetOf(23)] }));
  const evidence = {
    tellsKeys: true,
    knownHostsOf: () => new KnownHostsStore([], []),
    keysOf: async () => ({ labels: ['/home/me/.ssh/id_ed25519'], notes: [] }),
  };
  const word = fc.oneof(fc.constantFrom(...WORDS), fc.string(), fc.string({ unit: 'binary' }));
  const chunk = fc.oneof(
    word.map((text) => Buffer.from(`${text}\n`)),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );
  const property = fc.asyncProperty(fc.array(chunk, { maxLength: 12 }), async (chunks) => {
    const progress = new OpenSshProgress(NONCE);
    for (const bytes of chunks) progress.push(bytes);
    // Then it is no failure.
    fc.pre(progress.level < 2);
    const error = await explainFailure('tokyo', pathTo(target), { ...evidence, progress });
    expect(['connect', 'host-key', 'auth', 'protocol', 'usage']).toContain(error.code);
    expect(error.hint).toBeDefined();
    expect(error.hint).not.toMatch(/evil|reboot|passwd/);
  });
  await fc.assert(property, { seed: 14, numRuns: 500 });
});
