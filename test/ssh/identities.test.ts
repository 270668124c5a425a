import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  failureOf,
  hasAgent,
  knownLine,
  makeHome,
  makeKey,
  startAgent,
  startServer,
  targetOf,
  transportOf,
  type KeyPair,
  type TestTransportOptions,
} from './ssh-test-server.js';

const [ed25519, ecdsa, rsa] = [makeKey(), makeKey('ecdsa'), makeKey('rsa')];
const hasSsh = spawnSync('ssh', ['-V']).error === undefined;

/** A server that takes one key, and an ssh_config for it. `HOME` in the config stands for the home. */
async function setUp(authorized: readonly KeyPair[], config: string, keys: Readonly<Record<string, KeyPair>>) {
  const server = await startServer({ authorized });
  const home = makeHome({ known_hosts: knownLine(server.port, server.hostKey) });
  for (const [name, key] of Object.entries(keys)) writeFileSync(join(home, name), key.private, { mode: 0o600 });
  const configFile = join(home, 'config');
  writeFileSync(configFile, `Host *\n${config.replaceAll('HOME', home)}`);
  const open = (options: TestTransportOptions = {}) =>
    transportOf(home, { configFile, ...options }).open('tokyo', targetOf(server.port), 'true');
  return { server, home, configFile, open };
}

describe.skipIf(!hasSsh)('IdentityFile', () => {
  it('may be given several times, in order, some of them absent', async () => {
    const config = '  IdentityFile HOME/absent\n  IdentityFile HOME/one\n  IdentityFile HOME/two\n';
    const { server, home, open } = await setUp([rsa], config, { one: ecdsa, two: rsa });
    await (await open()).close();
    expect(server.logins.map((login) => login.split(' ')[1])).toEqual(['ecdsa-sha2-nistp256', 'ssh-rsa']);
    writeFileSync(join(home, 'two'), ed25519.private);
    const error = await failureOf(open());
    expect(error.message).toContain(`tried ${join(home, 'one')}, ${join(home, 'two')}`);
    expect(error.message).toContain(`${join(home, 'absent')}: there is no such file`);
  });

  it('takes the place of the default keys; none leaves no file', async () => {
    const { server, home, configFile, open } = await setUp([ed25519], '  IdentityFile HOME/one\n', { one: ecdsa });
    writeFileSync(join(home, '.ssh/id_ed25519'), ed25519.private, { mode: 0o600 });
    expect((await failureOf(open())).code).toBe('auth');
    writeFileSync(configFile, 'Host *\n  IdentityFile none\n');
    expect((await failureOf(open())).message).toContain('no key to log in to 127.0.0.1 with');
    expect(server.logins).toEqual(['publickey ecdsa-sha2-nistp256']);
  });

  it('says that a certificate is not used', async () => {
    const { open } = await setUp([], '  IdentityFile HOME/one\n  CertificateFile HOME/one-cert.pub\n', { one: ecdsa });
    expect((await failureOf(open())).message).toContain('one-cert.pub: certificates are not supported');
  });
});

describe.skipIf(!hasSsh || !hasAgent)('the agent', () => {
  it('has the keys of the files first, and only those with IdentitiesOnly', async () => {
    const config = '  IdentityFile HOME/one\n';
    const { server, home, configFile, open } = await setUp([], config, {});
    writeFileSync(join(home, 'one.pub'), rsa.public);
    const agentSocket = await startAgent(home, ed25519, rsa);
    await failureOf(open({ agentSocket }));
    expect(server.logins.splice(0).map((login) => login.split(' ')[1])).toEqual(['ssh-rsa', 'ssh-ed25519']);
    writeFileSync(configFile, `Host *\n  IdentitiesOnly yes\n  IdentityFile ${home}/one\n`);
    await failureOf(open({ agentSocket }));
    expect(server.logins.map((login) => login.split(' ')[1])).toEqual(['ssh-rsa']);
  });

  it('is the one that IdentityAgent names, or none', async () => {
    const { server, home, configFile, open } = await setUp([ed25519], '  IdentityAgent HOME/agent.sock\n', {});
    await startAgent(home, ed25519);
    await (await open()).close();
    writeFileSync(configFile, 'Host *\n  IdentityAgent none\n');
    const error = await failureOf(open({ agentSocket: join(home, 'agent.sock') }));
    expect(error.message).toContain('no agent');
    expect(server.logins).toHaveLength(1);
  });
});

describe('before a run', () => {
  const locked = makeKey('ed25519', 'open sesame');

  async function setUpLocked(answer: string | undefined) {
    const server = await startServer({ authorized: [locked] });
    const home = makeHome({ known_hosts: knownLine(server.port, server.hostKey) });
    for (const name of ['hub-key', 'spoke-key']) writeFileSync(join(home, name), locked.private, { mode: 0o600 });
    const asked: string[] = [];
    let isAsking = false;
    const askPassphrase = async (path: string) => {
      expect(isAsking).toBe(false);
      isAsking = true;
      asked.push(path);
      await new Promise((resolve) => setTimeout(resolve, 5));
      isAsking = false;
      return answer;
    };
    const hub = targetOf(server.port, { identityFile: join(home, 'hub-key') });
    const spoke = targetOf(server.port, { host: '127.0.0.2', identityFile: join(home, 'spoke-key'), proxyJump: [hub] });
    return { server, home, asked, hub, spoke, transport: transportOf(home, { askPassphrase }) };
  }

  it('a person is asked for each key once, also for the keys of jump hosts, one after the other', async () => {
    const { server, home, asked, hub, spoke, transport } = await setUpLocked('open sesame');
    await transport.prepare([
      { host: 'hub', target: hub },
      { host: 'tokyo', target: spoke },
      { host: 'osaka', target: spoke },
    ]);
    expect(asked).toEqual([join(home, 'hub-key'), join(home, 'spoke-key')]);
    expect(server.connections).toBe(0);
    await (await transport.open('hub', hub, 'true')).close();
    expect(asked).toHaveLength(2);
  });

  it('nobody is asked for a default key that may not be needed', async () => {
    const { asked, home, transport } = await setUpLocked('open sesame');
    writeFileSync(join(home, '.ssh/id_ed25519'), ed25519.private, { mode: 0o600 });
    writeFileSync(join(home, '.ssh/id_rsa'), locked.private, { mode: 0o600 });
    await transport.prepare([{ host: 'hub', target: targetOf(1) }]);
    expect(asked).toEqual([]);
    const { asked: askedAlone, home: homeAlone, transport: alone } = await setUpLocked('open sesame');
    writeFileSync(join(homeAlone, '.ssh/id_rsa'), locked.private, { mode: 0o600 });
    await alone.prepare([{ host: 'hub', target: targetOf(1) }]);
    expect(askedAlone).toEqual([join(homeAlone, '.ssh/id_rsa')]);
  });

  it('a host without any key is no reason to stop', async () => {
    const { transport } = await setUpLocked(undefined);
    const target = targetOf(1, { identityFile: '/nowhere' });
    await expect(transport.prepare([{ host: 'hub', target }])).resolves.toBeUndefined();
  });
});
