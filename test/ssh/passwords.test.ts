import { describe, expect, it } from 'vitest';
import type { ServerBehaviour } from './ssh-test-server.js';
import {
  failureOf,
  knownLine,
  makeHome,
  makeKey,
  startServer,
  targetOf,
  transportOf,
  type TestTransportOptions,
} from './ssh-test-server.js';

const PASSWORD = 'correct horse';
const userKey = makeKey();

async function setUp(
  behaviour: ServerBehaviour,
  files: Readonly<Record<string, string>> = {},
  options: TestTransportOptions = {},
) {
  const server = await startServer({ password: PASSWORD, ...behaviour });
  const home = makeHome({ known_hosts: knownLine(server.port, server.hostKey), ...files });
  const said: string[] = [];
  const transport = transportOf(home, {
    onTrace: (message) => said.push(message),
    onNotice: (message) => said.push(message),
    ...options,
  });
  return { server, home, said, open: () => transport.open('tokyo', targetOf(server.port), 'true') };
}

describe('--ask-pass', () => {
  it.each([
    [['password'], ['password']],
    // Which methods there are is known after the first refusal.
    [['keyboard-interactive'], ['password', 'keyboard-interactive']],
  ] as const)('logs in without any key by %j', async (passwordMethods, logins) => {
    const { server, said, open } = await setUp({ passwordMethods }, {}, { password: PASSWORD });
    await (await open()).close();
    expect(server.logins).toEqual(logins);
    expect(said.join('\n')).not.toContain(PASSWORD);
    expect(said.at(-1)).toMatch(/^tokyo: auth: root is in with the password/);
  });

  it('comes after the keys', async () => {
    const files = { id_ed25519: userKey.private };
    const { server, open } = await setUp({}, files, { password: PASSWORD });
    await (await open()).close();
    expect(server.logins).toEqual(['publickey ssh-ed25519', 'password']);
    const { server: other, open: openOther } = await setUp({ authorized: [userKey] }, files, { password: PASSWORD });
    await (await openOther()).close();
    expect(other.logins).toEqual(['publickey ssh-ed25519']);
  });

  it('is tried once, and never shown', async () => {
    const { server, said, open } = await setUp(
      { passwordMethods: ['password', 'keyboard-interactive'] },
      {},
      { password: 'wrong horse' },
    );
    const error = await failureOf(open());
    expect(error.code).toBe('auth');
    expect(error.message).toContain('tried the password');
    expect(server.logins).toEqual(['password']);
    expect([error.message, error.hint, ...said].join('\n')).not.toContain('wrong horse');
  });

  it('is not sent to a host that the inventory does not name', async () => {
    const { server, home } = await setUp({});
    const stranger = targetOf(server.port, { isOfInventory: false });
    const failure = await failureOf(transportOf(home, { password: PASSWORD }).open('osaka', stranger, 'true'));
    expect(failure.code).toBe('auth');
    expect(server.logins).toEqual([]);
  });

  it('is sent nowhere without it', async () => {
    const { server, open } = await setUp({}, { id_ed25519: userKey.private });
    expect((await failureOf(open())).code).toBe('auth');
    expect(server.logins).toEqual(['publickey ssh-ed25519']);
  });

  it('is not sent to a host whose key is not known', async () => {
    const { server, open } = await setUp({}, { known_hosts: '' }, { password: PASSWORD });
    expect((await failureOf(open())).code).toBe('host-key');
    expect(server.logins).toEqual([]);
  });

  it('is for the jump hosts that the inventory names, not for those of ssh_config', async () => {
    const jump = await startServer({ password: PASSWORD, forwards: true });
    const inner = await startServer({ password: PASSWORD });
    const known_hosts = knownLine(jump.port, jump.hostKey) + knownLine(inner.port, inner.hostKey);
    const home = makeHome({ known_hosts, config: `Host 127.0.0.1\n  ProxyJump 127.0.0.2:${jump.port}\n` });
    const named = targetOf(inner.port, { proxyJump: [targetOf(jump.port)] });
    await (await transportOf(home, { password: PASSWORD }).open('tokyo', named, 'true')).close();
    expect(jump.logins).toEqual(['password']);
    const configFile = `${home}/.ssh/config`;
    const error = await failureOf(
      transportOf(home, { password: PASSWORD, configFile }).open('tokyo', targetOf(inner.port), 'true'),
    );
    expect(error.code).toBe('auth');
    expect(error.message).toContain('the jump host 127.0.0.2 cannot be passed: no key');
    expect(jump.logins).toEqual(['password']);
  });
});
