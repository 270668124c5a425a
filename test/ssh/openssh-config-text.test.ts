import { expect, it } from 'vitest';
import type { EffectiveTarget } from '../../src/ssh/effective-target.js';
import { mergeTarget } from '../../src/ssh/merge-target.js';
import { opensshConfigText } from '../../src/ssh/openssh-config-text.js';
import { targetOf } from './ssh-test-server.js';

const base = mergeTarget(targetOf(2222), undefined, { home: '/home/me', environment: {} });
const textOf = (more: Partial<EffectiveTarget>, proxyCommand?: string): string[] =>
  opensshConfigText(
    { ...base, isOfInventory: true, route: { kind: 'direct' }, ...more },
    { proxyCommand, newKeysFile: '/tmp/new' },
  ).split('\n');

it('quotes blanks and doubles what ssh would expand', () => {
  const lines = textOf({ identityFiles: ['/a b/100%/"k"'], host: 'fe80::1%eth0' }, 'nc -X %h "a b"');
  expect(lines).toContain('IdentityFile "/a b/100%%/\\"k\\""');
  expect(lines).toContain('HostName fe80::1%eth0');
  expect(lines).toContain('ProxyCommand nc -X %%h "a b"');
});

it('never takes a changed key, nor any default of ssh for keys, agent or known_hosts', () => {
  for (const strictHostKeyChecking of ['yes', 'ask'] as const)
    expect(textOf({ strictHostKeyChecking })).toContain('StrictHostKeyChecking yes');
  for (const strictHostKeyChecking of ['no', 'accept-new'] as const)
    expect(textOf({ strictHostKeyChecking })).toContain('StrictHostKeyChecking accept-new');
  const lines = textOf({ identityFiles: [], agentSocket: undefined, globalKnownHostsFiles: [] });
  expect(lines).toEqual(
    expect.arrayContaining(['IdentityFile none', 'IdentityAgent none', 'GlobalKnownHostsFile /dev/null']),
  );
});

it('refuses a value that would be a second line', () => {
  expect(() => textOf({ user: 'root\nProxyCommand evil' })).toThrow(/line break/);
});
