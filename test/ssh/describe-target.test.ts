import { expect, it } from 'vitest';
import { formatSettings, settingsToJson } from '../../src/ssh/describe-target.js';
import { TargetResolver } from '../../src/ssh/target-resolver.js';
import { targetOf } from './ssh-test-server.js';

const resolver = new TargetResolver({
  home: '/home/me',
  environment: { SSH_AUTH_SOCK: '/run/agent' },
  connectTimeoutMs: 4000,
});
const hub = targetOf(22, { host: '192.0.2.1', user: undefined });
const gate = targetOf(2222, { host: '2001:db8::1', user: 'me' });
const spoke = targetOf(22, { host: 'tokyo', port: undefined, identityFile: '/keys/fleet', proxyJump: [gate, hub] });

it('shows every setting with its origin, and the way in the first line', async () => {
  expect(formatSettings('tokyo', await resolver.resolve(spoke), true)).toMatchInlineSnapshot(`
    "tokyo: root@tokyo port 22 through me@2001:db8::1 port 2222 through root@192.0.2.1 port 22
      host                      inventory     tokyo
      port                      default       22
      user                      inventory     root
      become                    default       no
      proxy_jump                inventory     me@[2001:db8::1]:2222, root@192.0.2.1:22
      proxy_command             default       -
      identity_file             inventory     /keys/fleet
      identities_only           inventory     yes
      identity_agent            default       /run/agent
      certificate_file          default       -
      user_known_hosts_file     default       /home/me/.ssh/known_hosts
      global_known_hosts_file   default       /etc/ssh/ssh_known_hosts
      host_key_alias            default       -
      strict_host_key_checking  default       ask
      host_key_algorithms       default       -
      connect_timeout           command line  4
      server_alive_interval     default       5
      server_alive_count_max    default       3
    "
  `);
});

it('leaves out what nobody has set', async () => {
  expect(formatSettings('hub', await resolver.resolve(hub), false)).toMatchInlineSnapshot(`
    "hub: root@192.0.2.1 port 22
      host                      inventory     192.0.2.1
      port                      inventory     22
      connect_timeout           command line  4
    "
  `);
});

it('gives scripts the values as they are', async () => {
  const { alias, settings } = settingsToJson('tokyo', await resolver.resolve(spoke));
  expect(alias).toBe('tokyo');
  expect(settings).toMatchObject({
    port: { value: 22, from: 'default' },
    proxy_jump: { value: ['me@[2001:db8::1]:2222', 'root@192.0.2.1:22'], from: 'inventory' },
    proxy_command: { value: null, from: 'default' },
    connect_timeout: { value: 4, from: 'option' },
  });
});
