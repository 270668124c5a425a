import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
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

describe('a session', () => {
  it('carries bytes both ways and ends with the exit status of the program', async () => {
    const { server, open } = await setUp({
      onExec: (channel) => {
        channel.on('data', (chunk: Buffer) => channel.write(`<${chunk.toString()}>`));
        channel.on('end', () => {
          channel.stderr.write('bye');
          channel.exit(3);
          channel.end();
        });
      },
    });
    const session = await open('run me');
    const output = outputOf(session);
    session.write('one');
    await session.close();
    expect(await output).toBe('<one>');
    expect(await session.ended).toEqual({ exitCode: 3, signal: null, lost: null, stderr: 'bye' });
    expect(server.commands).toEqual(['run me']);
    expect(() => session.write('after the end')).not.toThrow();
  });

  it('carries megabytes both ways unharmed', async () => {
    const { open } = await setUp();
    const session = await open();
    const output = outputOf(session);
    const sent = 'x'.repeat(5_000_000);
    session.write(sent);
    await session.close(30_000);
    expect((await output) === sent).toBe(true);
  });

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

  it('is lost when the connection breaks in the middle of output', async () => {
    const { open } = await setUp({
      onExec: (channel, _command, connection) => {
        channel.write('half an ans');
        setImmediate(() => connection.end());
      },
    });
    const session = await open();
    expect(await outputOf(session)).toBe('half an ans');
    const end = await session.ended;
    expect(end.exitCode).toBeNull();
    expect(end.lost).toBe('the host closed the connection');
    session.write('nobody reads this');
    await session.close();
  });

  it('reads on through a flood of stderr and keeps its last 4 KiB', async () => {
    const { open } = await setUp({
      onExec: (channel) => {
        // More than the window of 2 MiB: unread, it would block the program for ever.
        channel.stderr.write(Buffer.alloc(6_000_000, 'e'));
        channel.stderr.write('last words', () => {
          channel.write('done');
          channel.exit(0);
          channel.end();
        });
      },
    });
    const session = await open();
    expect(await outputOf(session)).toBe('done');
    const { stderr, exitCode } = await session.ended;
    expect(exitCode).toBe(0);
    expect(stderr).toHaveLength(4096);
    expect(stderr.endsWith('eelast words')).toBe(true);
    await session.close();
  });

  it('drops a program that does not end at EOF', async () => {
    const { open } = await setUp({ onExec: (channel) => void channel.resume() });
    const session = await open();
    await session.close(50);
    expect((await session.ended).lost).toBe('the program did not end within 50 ms');
  });

  it('can be destroyed at any time', async () => {
    const { open } = await setUp();
    const session = await open();
    session.destroy();
    session.destroy();
    expect((await session.ended).lost).toBe('the connection was dropped from this side');
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

  it('is lost when the host no longer answers keepalives', async () => {
    const server = await startServer({ authorized: [userKey] });
    let isCut = false;
    const proxyPort = await startTcpServer((socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      upstream.on('error', () => {});
      socket.on('data', (chunk) => isCut || upstream.write(chunk));
      upstream.on('data', (chunk) => isCut || socket.write(chunk));
      socket.on('close', () => upstream.destroy());
    });
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(proxyPort, server.hostKey) });
    const session = await transportOf(home, { keepaliveIntervalMs: 20 }).open('tokyo', targetOf(proxyPort), 'true');
    isCut = true;
    expect((await session.ended).lost).toBe('Keepalive timeout');
  });
});

describe('connecting', () => {
  it('says that a port is closed, and what to try', async () => {
    const home = makeHome({ id_ed25519: userKey.private });
    const refused = await failureOf(transportOf(home, { retries: 0 }).open('tokyo', targetOf(1), 'true'));
    expect(refused).toMatchObject({ code: 'connect', host: 'tokyo' });
    expect(refused.message).toBe('cannot connect to 127.0.0.1 port 1: connection refused');
    expect(refused.hint).toContain('ssh -p 1 root@127.0.0.1');
  });

  it('says that a name does not exist', async () => {
    const home = makeHome({ id_ed25519: userKey.private });
    const target = targetOf(22, { host: 'no-such-host.invalid' });
    const error = await failureOf(transportOf(home, { retries: 0 }).open('tokyo', target, 'true'));
    expect(error.code).toBe('connect');
    expect(error.message).toMatch(/^cannot connect to no-such-host\.invalid port 22: the name/);
    expect(error.hint).toContain('getent hosts no-such-host.invalid');
  });

  it('gives up on a server that never says anything, and does not ask again', async () => {
    let connections = 0;
    const port = await startTcpServer(() => void (connections += 1));
    const home = makeHome({ id_ed25519: userKey.private });
    const error = await failureOf(transportOf(home, { readyTimeoutMs: 60 }).open('tokyo', targetOf(port), 'true'));
    expect(error.code).toBe('connect');
    expect(error.message).toContain('sent no SSH banner within 60 ms');
    expect(connections).toBe(1);
  });

  it('gives up on a server that stops after its banner', async () => {
    const port = await startTcpServer((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n'));
    const home = makeHome({ id_ed25519: userKey.private });
    const error = await failureOf(transportOf(home, { readyTimeoutMs: 60 }).open('tokyo', targetOf(port), 'true'));
    expect(error.message).toContain('did not finish the SSH handshake within 60 ms');
  });

  it('tries again when the server closes right after its banner, then says so', async () => {
    let connections = 0;
    const port = await startTcpServer((socket) => {
      connections += 1;
      socket.end('SSH-2.0-OpenSSH_9.9\r\n');
    });
    const home = makeHome({ id_ed25519: userKey.private });
    const error = await failureOf(transportOf(home, { retries: 2 }).open('tokyo', targetOf(port), 'true'));
    expect(error.code).toBe('connect');
    expect(error.message).toContain('closed the connection during the SSH handshake');
    expect(connections).toBe(3);
  });

  it('says that the server closed before its banner', async () => {
    const port = await startTcpServer((socket) => socket.end());
    const home = makeHome({ id_ed25519: userKey.private });
    const error = await failureOf(transportOf(home, { retries: 0 }).open('tokyo', targetOf(port), 'true'));
    expect(error.code).toBe('connect');
    expect(error.message).toContain('closed the connection before it said anything');
  });

  it('reports a host that resets the connection', async () => {
    const port = await startTcpServer((socket) => socket.resetAndDestroy());
    const home = makeHome({ id_ed25519: userKey.private });
    const error = await failureOf(transportOf(home, { retries: 1 }).open('tokyo', targetOf(port), 'true'));
    expect(error.code).toBe('connect');
  });

  it('names a refused channel, after one login', async () => {
    const { server, open } = await setUp({ refuseChannel: true });
    const error = await failureOf(open());
    expect(error.code).toBe('protocol');
    expect(error.message).toContain('let root in but runs no command');
    expect(server.connections).toBe(1);
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
    expect(error.message).toContain('did not start the command within 2000 ms');
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

  it('never has more connections to one server under way than it may', async () => {
    let underWay = 0;
    let most = 0;
    const { server, transport } = await setUp(
      {
        onTcp: () => {
          most = Math.max(most, (underWay += 1));
        },
        onConnection: (connection) => void connection.once('ready', () => (underWay -= 1)),
      },
      { maxHandshakes: 3 },
    );
    const opening = Array.from({ length: 40 }, () => transport.open('tokyo', targetOf(server.port), 'true'));
    const sessions = await Promise.all(opening);
    expect(most).toBe(3);
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

  it('does not let silent hosts hold up the others', async () => {
    const ports = await Promise.all(Array.from({ length: 4 }, () => startTcpServer(() => {})));
    const { transport, open } = await setUp({}, { maxHandshakes: 2, readyTimeoutMs: 3000 });
    let settled = 0;
    const silent = ports.map(async (port) => {
      const error = await failureOf(transport.open(`on-${port}`, targetOf(port), 'true'));
      settled += 1;
      return error.host;
    });
    await sleep(50);
    const session = await open();
    expect(settled).toBe(0);
    await session.close();
    expect(await Promise.all(silent)).toEqual(ports.map((port) => `on-${port}`));
  });
});

describe('host keys', () => {
  const openTo = (server: TestServer, home: string, options: TestTransportOptions = {}) =>
    transportOf(home, options).open('tokyo', targetOf(server.port), 'true');

  it('refuses an unknown host before any login, with its fingerprint and the way to accept it', async () => {
    const server = await startServer();
    const home = makeHome({ id_ed25519: userKey.private });
    const error = await failureOf(openTo(server, home));
    expect(error).toMatchObject({ code: 'host-key', host: 'tokyo' });
    expect(error.message).toContain(`ED25519 key ${fingerprint(wireKey(server.hostKey))}`);
    expect(error.hint).toContain('--accept-new');
    expect(error.hint).toContain('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
    expect(server.logins).toEqual([]);
    expect(server.connections).toBe(1);
    expect(existsSync(join(home, '.ssh/known_hosts'))).toBe(false);
  });

  it('refuses a changed key, even with acceptNew, and names the line it clashes with', async () => {
    const server = await startServer();
    const line = knownLine(server.port, makeKey());
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: `# old\n${line}` });
    const file = join(home, '.ssh/known_hosts');
    for (const acceptNew of [false, true]) {
      const error = await failureOf(openTo(server, home, { acceptNew }));
      expect(error.code).toBe('host-key');
      expect(error.message).toContain(`${file}:2 has ED25519 key SHA256:`);
      expect(error.hint).toContain(`ssh-keygen -R '[127.0.0.1]:${server.port}' -f ${file}`);
    }
    expect(readFileSync(file, 'utf8')).toBe(`# old\n${line}`);
    expect(server.logins).toEqual([]);
  });

  it('refuses a revoked key, even with acceptNew', async () => {
    const server = await startServer();
    const home = makeHome({
      id_ed25519: userKey.private,
      known_hosts: `@revoked ${knownLine(server.port, server.hostKey)}`,
    });
    const error = await failureOf(openTo(server, home, { acceptNew: true }));
    expect(error.code).toBe('host-key');
    expect(error.message).toContain('known_hosts:1 marks @revoked');
  });

  it('asks a host with several keys for the one that is known', async () => {
    const rsa = makeKey('rsa');
    const server = await startServer({ hostKeys: [makeKey(), rsa] });
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(server.port, rsa) });
    const session = await openTo(server, home);
    await session.close();
    expect(server.logins).toHaveLength(1);
  });

  it('records a new host once with acceptNew, and knows it from then on', async () => {
    const server = await startServer();
    const home = makeHome({ id_ed25519: userKey.private });
    const file = join(home, 'new dir', 'known_hosts');
    const notices: string[] = [];
    const options = { acceptNew: true, knownHosts: file, onNotice: (notice: string) => notices.push(notice) };
    const transport = transportOf(home, options);
    const first = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => transport.open(name, targetOf(server.port), 'true')),
    );
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain(fingerprint(wireKey(server.hostKey)));
    expect(readFileSync(file, 'utf8')).toBe(knownLine(server.port, server.hostKey));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'new dir')).mode & 0o777).toBe(0o700);
    const second = await openTo(server, home, { knownHosts: file });
    await Promise.all([...first, second].map((session) => session.close()));
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

  it('does not go on when the new key cannot be recorded', async () => {
    const server = await startServer();
    const home = makeHome({ id_ed25519: userKey.private, 'a-file': '' });
    const knownHosts = join(home, '.ssh/a-file/known_hosts');
    const error = await failureOf(openTo(server, home, { acceptNew: true, knownHosts }));
    expect(error.code).toBe('host-key');
    expect(server.logins).toEqual([]);
  });

  it('does not go on when a known_hosts file cannot be read', async () => {
    const server = await startServer();
    const home = makeHome({ id_ed25519: userKey.private });
    const error = await failureOf(openTo(server, home, { knownHosts: join(home, '.ssh') }));
    expect(error.code).toBe('host-key');
    expect(error.message).toContain('cannot read');
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

  it('does not come back to a host that hangs up on the first key', async () => {
    const { server, open } = await setUp({
      onConnection: (connection) => {
        connection.removeAllListeners('authentication');
        connection.on('authentication', () => connection.end());
      },
    });
    expect((await failureOf(open())).code).toBe('auth');
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

  it('uses the identity_file and no other key', async () => {
    const other = makeKey('ecdsa');
    const { server, home, transport } = await setUp();
    writeFileSync(join(home, 'other'), other.private, { mode: 0o600 });
    const target = targetOf(server.port, { identityFile: join(home, 'other') });
    expect((await failureOf(transport.open('tokyo', target, 'true'))).code).toBe('auth');
    expect(server.logins).toEqual(['publickey ecdsa-sha2-nistp256']);
  });

  it.each<[string, (path: string) => void, string]>([
    ['is missing', () => {}, 'there is no such file'],
    ['is open to others', (path) => (writeFileSync(path, userKey.private), chmodSync(path, 0o644)), 'mode 0644'],
    ['is no key', (path) => writeFileSync(path, 'hello', { mode: 0o600 }), 'not a usable private key'],
    ['is a directory', (path) => execFileSync('mkdir', [path]), 'EISDIR'],
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
    ['wrong', 'the passphrase does not open it'],
    [undefined, 'it is encrypted and no passphrase was given'],
  ])('contacts nobody when the passphrase is %s, and does not ask again', async (answer, reason) => {
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
    }
    expect(asked).toBe(1);
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
