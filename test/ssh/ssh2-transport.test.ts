import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { SshTarget } from '../../src/inventory/inventory.js';
import { fingerprint } from '../../src/ssh/known-hosts.js';
import {
  failureOf,
  hasAgent,
  knownLine,
  makeHome,
  makeKey,
  outputOf,
  startAgent,
  startServer,
  startTcpServer,
  targetOf,
  transportOf,
  wireKey,
  type ServerBehaviour,
  type TestServer,
  type TestTransportOptions,
} from './ssh-test-server.js';

const userKey = makeKey();

/** A server that is known, a user whose key it takes, and the transport between them. */
async function setUp(behaviour: ServerBehaviour = {}, options: TestTransportOptions = {}) {
  const server = await startServer({ authorized: [userKey], ...behaviour });
  const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(server.port, server.hostKey) });
  const transport = transportOf(home, options);
  return {
    server,
    home,
    transport,
    open: (command = 'true') => transport.open('tokyo', targetOf(server.port), command),
  };
}

/** What only ssh2's does, or shows; what both transports do is in transports.test.ts. */
describe('a session', () => {
  it('reports the signal that killed the program', async () => {
    const { open } = await setUp({
      onExec: (channel) => {
        channel.exit('KILL');
        channel.end();
      },
    });
    const session = await open();
    await outputOf(session);
    expect(await session.ended).toMatchObject({ exitCode: null, signal: 'SIGKILL', lost: null });
    await session.close();
  });

  it('is closed when the program has ended, before the host has hung up', async () => {
    const server = await startServer({ authorized: [userKey] });
    let hasHungUp = false;
    const proxyPort = await startTcpServer(
      (socket) => {
        const upstream = connect(server.port, '127.0.0.1');
        upstream.on('error', () => {});
        socket.on('data', (chunk) => upstream.write(chunk));
        upstream.on('data', (chunk) => socket.write(chunk));
        socket.on('end', () => void sleep(100).then(() => ((hasHungUp = true), upstream.destroy(), socket.destroy())));
      },
      { allowHalfOpen: true },
    );
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(proxyPort, server.hostKey) });
    const session = await transportOf(home).open('tokyo', targetOf(proxyPort), 'true');
    await session.close();
    expect(hasHungUp).toBe(false);
    await expect.poll(() => hasHungUp).toBe(true);
  });
});

describe('connecting', () => {
  it('reports a host that resets the connection', async () => {
    const port = await startTcpServer((socket) => socket.resetAndDestroy());
    const home = makeHome({ id_ed25519: userKey.private });
    const error = await failureOf(transportOf(home, { retries: 1 }).open('tokyo', targetOf(port), 'true'));
    expect(error.code).toBe('connect');
  });

  it('lets a busy host speak later than it may take to connect', async () => {
    const server = await startServer({ authorized: [userKey] });
    const port = await startTcpServer((socket) => {
      setTimeout(() => pipeline(socket, connect(server.port), socket, () => {}), 1500);
    });
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(port, server.hostKey) });
    const session = await transportOf(home, { connectTimeoutMs: 1000 }).open('tokyo', targetOf(port), 'true');
    await session.close();
  });

  it('gives up on a host that never starts the command', async () => {
    const silent = await startServer({
      authorized: [userKey],
      onConnection: (connection) => {
        connection.removeAllListeners('session');
        connection.on('session', () => {});
      },
    });
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(silent.port, silent.hostKey) });
    const transport = transportOf(home, { readyTimeoutMs: 2000 });
    const error = await failureOf(transport.open('tokyo', targetOf(silent.port), 'true'));
    expect(error.message).toContain('did not start the command within 2 s');
  });

  it('gets every client in past a server that drops newcomers while too many are not logged in', async () => {
    let waiting = 0;
    let dropped = 0;
    const { server, transport } = await setUp(
      {
        onConnection: (connection) => {
          if (waiting >= 2) {
            dropped += 1;
            return void connection.end();
          }
          waiting += 1;
          let isWaiting = true;
          const leave = (): void => {
            if (isWaiting) waiting -= 1;
            isWaiting = false;
          };
          connection.on('ready', leave);
          connection.on('close', leave);
        },
      },
      { retries: 30 },
    );
    const names = Array.from({ length: 20 }, (_, index) => `spoke-${index}`);
    const sessions = await Promise.all(names.map((name) => transport.open(name, targetOf(server.port), name)));
    expect(sessions.map((session) => session.host)).toEqual(names);
    expect([...server.commands].sort()).toEqual([...names].sort());
    expect(dropped).toBeGreaterThan(0);
    await Promise.all(sessions.map((session) => session.close()));
  });

  it('never has more handshakes under way than it may, over all servers', async () => {
    let underWay = 0;
    let most = 0;
    const onConnection: ServerBehaviour['onConnection'] = (connection) => {
      most = Math.max(most, (underWay += 1));
      connection.once('ready', () => (underWay -= 1));
    };
    const servers = await Promise.all(Array.from({ length: 10 }, () => startServer({ onConnection })));
    const known_hosts = servers.map(({ port, hostKey }) => knownLine(port, hostKey)).join('');
    const transport = transportOf(makeHome({ id_ed25519: userKey.private, known_hosts }), { maxHandshakes: 3 });
    const sessions = await Promise.all(servers.map(({ port }) => transport.open('tokyo', targetOf(port), 'true')));
    expect(most).toBe(3);
    await Promise.all(sessions.map((session) => session.close()));
  });
});

describe('host keys', () => {
  const openTo = (server: TestServer, home: string, options: TestTransportOptions = {}) =>
    transportOf(home, options).open('tokyo', targetOf(server.port), 'true');

  it('asks a host with several keys for the one that is known', async () => {
    const rsa = makeKey('rsa');
    const server = await startServer({ hostKeys: [makeKey(), rsa] });
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(server.port, rsa) });
    const session = await openTo(server, home);
    await session.close();
    expect(server.logins).toHaveLength(1);
  });

  it('records many new hosts at once without losing a line', async () => {
    const servers = await Promise.all(Array.from({ length: 8 }, () => startServer()));
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: '# no newline at the end' });
    const transport = transportOf(home, { acceptNew: true });
    const sessions = await Promise.all(servers.map(({ port }) => transport.open('x', targetOf(port), 'true')));
    await Promise.all(sessions.map((session) => session.close()));
    const lines = readFileSync(join(home, '.ssh/known_hosts'), 'utf8').split('\n').filter(Boolean);
    const expected = servers.map(({ port, hostKey }) => knownLine(port, hostKey).trim());
    expect(lines.toSorted()).toEqual(['# no newline at the end', ...expected].toSorted());
  });

  it('hides the new name where the file hides names', async () => {
    const [old, fresh] = await Promise.all([startServer(), startServer()]);
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(old.port, old.hostKey) });
    const file = join(home, '.ssh/known_hosts');
    const hashed = `|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= ssh-ed25519`;
    writeFileSync(file, `${hashed} ${wireKey(old.hostKey).toString('base64')}\n`);
    const session = await openTo(fresh, home, { acceptNew: true });
    await session.close();
    expect(readFileSync(file, 'utf8')).not.toContain('127.0.0.1');
    const again = await openTo(fresh, home);
    await again.close();
  });
});

describe('login', () => {
  it('tries a refused key exactly once, on one connection, and never none or a password', async () => {
    const { server, home, open } = await setUp({ authorized: [] });
    const error = await failureOf(open());
    expect(error).toMatchObject({ code: 'auth', host: 'tokyo' });
    expect(error.message).toContain(`login refused by root@127.0.0.1 port ${server.port}`);
    expect(error.message).toContain(`tried ${join(home, '.ssh/id_ed25519')}`);
    expect(error.message).toContain('the host accepts publickey, password');
    expect(server.logins).toEqual(['publickey ssh-ed25519']);
    expect(server.connections).toBe(1);
  });

  it('goes through the default keys in order until one is taken', async () => {
    const [ecdsa, rsa] = [makeKey('ecdsa'), makeKey('rsa')];
    const server = await startServer({ authorized: [rsa] });
    const known_hosts = knownLine(server.port, server.hostKey);
    const home = makeHome({ id_ecdsa: ecdsa.private, id_rsa: rsa.private, known_hosts });
    const session = await transportOf(home).open('tokyo', targetOf(server.port), 'true');
    await session.close();
    expect(server.logins[0]).toBe('publickey ecdsa-sha2-nistp256');
    expect(server.logins).toHaveLength(2);
  });

  it.each<[string, (path: string) => void, string]>([
    ['is missing', () => {}, 'there is no such file'],
    ['is open to others', (path) => (writeFileSync(path, userKey.private), chmodSync(path, 0o644)), 'mode 0644'],
    ['is no key', (path) => writeFileSync(path, 'hello', { mode: 0o600 }), 'not a usable private key'],
    ['is a directory', (path) => execFileSync('mkdir', [path]), 'is not a regular file'],
    ['is a FIFO', (path) => execFileSync('mkfifo', [path]), 'is not a regular file'],
    ['is a device', (path) => symlinkSync('/dev/zero', path), 'is not a regular file'],
    ['is public', (path) => writeFileSync(path, userKey.public), 'no agent holds its private half'],
  ])('says that the identity_file %s, and contacts nobody', async (_title, make, reason) => {
    const { server, home, transport } = await setUp();
    const identityFile = join(home, 'identity');
    make(identityFile);
    const error = await failureOf(transport.open('tokyo', targetOf(server.port, { identityFile }), 'true'));
    expect(error.code).toBe('auth');
    expect(error.message).toContain(`cannot use the identity_file ${identityFile}`);
    expect(error.message).toContain(reason);
    expect(server.connections).toBe(0);
  });

  it('says that a security key is not supported', async () => {
    const { server, home, transport } = await setUp();
    const string = (text: string | Buffer) => {
      const body = Buffer.from(text);
      return Buffer.concat([Buffer.from([0, 0, 0, body.length]), body]);
    };
    const count = Buffer.from([0, 0, 0, 1]);
    const fields = [string('none'), string('none'), string(''), count, string(string('sk-ssh-ed25519@openssh.com'))];
    const body = Buffer.concat([Buffer.from('openssh-key-v1\0'), ...fields, string('private')]).toString('base64');
    const identityFile = join(home, 'id_sk');
    const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`;
    writeFileSync(identityFile, text, { mode: 0o600 });
    const error = await failureOf(transport.open('tokyo', targetOf(server.port, { identityFile }), 'true'));
    expect(error.message).toContain('keys of type sk-ssh-ed25519@openssh.com are not supported');
  });

  it('says so when there is no key at all, and contacts nobody', async () => {
    const server = await startServer();
    const error = await failureOf(transportOf(makeHome()).open('tokyo', targetOf(server.port), 'true'));
    expect(error.code).toBe('auth');
    expect(error.message).toContain('no agent (SSH_AUTH_SOCK is not set)');
    expect(server.connections).toBe(0);
  });
});

describe('encrypted keys', () => {
  const locked = makeKey('ed25519', 'open sesame');

  async function setUpLocked(askPassphrase: TestTransportOptions['askPassphrase'], target: Partial<SshTarget> = {}) {
    const server = await startServer({ authorized: [locked] });
    const home = makeHome({ id_ed25519: locked.private, known_hosts: knownLine(server.port, server.hostKey) });
    const transport = transportOf(home, { askPassphrase });
    return { server, home, open: (name: string) => transport.open(name, targetOf(server.port, target), 'true') };
  }

  it('asks once for many hosts at once', async () => {
    const asked: string[] = [];
    const { home, open } = await setUpLocked(async (path) => {
      asked.push(path);
      await sleep(20);
      return 'open sesame';
    });
    const sessions = await Promise.all(Array.from({ length: 12 }, (_, index) => open(`spoke-${index}`)));
    expect(asked).toEqual([join(home, '.ssh/id_ed25519')]);
    await Promise.all(sessions.map((session) => session.close()));
  });

  it.each([
    ['wrong', 3, 'the passphrase does not open it'],
    [undefined, 1, 'it is encrypted and no passphrase was given'],
  ])('contacts nobody when the passphrase is %s, and asks %i times for all hosts', async (answer, times, reason) => {
    let asked = 0;
    const { server, open } = await setUpLocked(async () => {
      asked += 1;
      return answer;
    });
    const errors = await Promise.all([failureOf(open('tokyo')), failureOf(open('osaka'))]);
    for (const error of errors) {
      expect(error.code).toBe('auth');
      expect(error.message).toContain(reason);
      expect(error.message).not.toContain('wrong');
      expect(error.hint).toMatch(/^unlock the key: ssh-add/);
      expect(error.hint).not.toContain('ssh-copy-id');
    }
    expect(asked).toBe(times);
    expect(server.connections).toBe(0);
  });

  it('asks for a later key only when the host refused the earlier ones, with the clock stopped', async () => {
    const lockedEcdsa = makeKey('ecdsa', 'open sesame');
    const server = await startServer({ authorized: [userKey, lockedEcdsa] });
    const strict = await startServer({ authorized: [lockedEcdsa] });
    const known_hosts = knownLine(server.port, server.hostKey) + knownLine(strict.port, strict.hostKey);
    const home = makeHome({ id_ed25519: userKey.private, id_ecdsa: lockedEcdsa.private, known_hosts });
    let asked = 0;
    const askPassphrase = async () => {
      asked += 1;
      await sleep(1500);
      return 'open sesame';
    };
    const transport = transportOf(home, { askPassphrase, readyTimeoutMs: 1000 });
    const first = await transport.open('tokyo', targetOf(server.port), 'true');
    expect(asked).toBe(0);
    const second = await transport.open('osaka', targetOf(strict.port), 'true');
    expect(asked).toBe(1);
    await Promise.all([first.close(), second.close()]);
  });
});

describe.skipIf(!hasAgent)('the agent', () => {
  it('logs in with each of its keys in turn, before the default keys', async () => {
    const [wrong, right] = [makeKey('ecdsa'), makeKey('rsa')];
    const server = await startServer({ authorized: [right] });
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(server.port, server.hostKey) });
    const agentSocket = await startAgent(home, wrong, right);
    const session = await transportOf(home, { agentSocket }).open('tokyo', targetOf(server.port), 'true');
    await session.close();
    expect(server.logins[0]).toBe('publickey ecdsa-sha2-nistp256');
    expect(server.logins).not.toContain('publickey ssh-ed25519');
  });

  it('lists its keys in a refusal and tries the same key of a file no second time', async () => {
    const server = await startServer({ authorized: [] });
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(server.port, server.hostKey) });
    const agentSocket = await startAgent(home, userKey);
    const error = await failureOf(transportOf(home, { agentSocket }).open('tokyo', targetOf(server.port), 'true'));
    expect(error.message).toContain(`ED25519 key ${fingerprint(wireKey(userKey))} of the agent`);
    expect(server.logins).toEqual(['publickey ssh-ed25519']);
  });

  it('opens an encrypted or public identity_file, and offers no other of its keys', async () => {
    const locked = makeKey('ed25519', 'open sesame');
    const home = makeHome();
    const [encrypted, publicHalf, plain] = [join(home, 'id'), join(home, 'id.pub'), join(home, 'plain')];
    writeFileSync(encrypted, locked.private, { mode: 0o600 });
    writeFileSync(plain, locked.private, { mode: 0o600 });
    execFileSync('ssh-keygen', ['-q', '-p', '-P', 'open sesame', '-N', '', '-f', plain], { stdio: 'pipe' });
    writeFileSync(publicHalf, locked.public);
    const agentSocket = await startAgent(home, makeKey('ecdsa'), { private: readFileSync(plain, 'utf8') });
    const server = await startServer({ authorized: [locked] });
    writeFileSync(join(home, '.ssh/known_hosts'), knownLine(server.port, server.hostKey));
    for (const identityFile of [encrypted, publicHalf]) {
      const target = targetOf(server.port, { identityFile });
      const session = await transportOf(home, { agentSocket }).open('tokyo', target, 'true');
      await session.close();
    }
    expect(server.logins).toEqual(['publickey ssh-ed25519', 'publickey ssh-ed25519']);
  });

  it('says that a stale SSH_AUTH_SOCK does not answer, and goes on with the key files', async () => {
    const { server, home } = await setUp({ authorized: [] });
    const agentSocket = join(home, 'gone.sock');
    const error = await failureOf(transportOf(home, { agentSocket }).open('tokyo', targetOf(server.port), 'true'));
    expect(error.message).toContain(`the agent at ${agentSocket} does not answer`);
    expect(server.logins).toHaveLength(1);
  });
});
