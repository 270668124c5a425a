/** What both transports promise alike: each behaviour against the same servers, over ssh2 and over the system's ssh. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SshTarget } from '../../src/inventory/inventory.js';
import { fingerprint } from '../../src/ssh/known-hosts.js';
import {
  failureOf,
  knownLine,
  makeHome,
  makeKey,
  outputOf,
  startServer,
  startTcpServer,
  targetOf,
  transportOf,
  wireKey,
  type Carrier,
  type ServerBehaviour,
  type TestServer,
  type TestTransportOptions,
} from './ssh-test-server.js';

const userKey = makeKey();
const hasSsh = spawnSync('ssh', ['-V']).error === undefined;
const CARRIERS: readonly Carrier[] = hasSsh ? ['ssh2', 'openssh'] : ['ssh2'];

describe.each(CARRIERS)('over %s', (carrier) => {
  const transportIn = (home: string, options: TestTransportOptions = {}) => transportOf(home, { carrier, ...options });

  /** A server that is known, a user whose key it takes, and the transport between them. */
  async function setUp(behaviour: ServerBehaviour = {}, options: TestTransportOptions = {}) {
    const server = await startServer({ authorized: [userKey], ...behaviour });
    const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(server.port, server.hostKey) });
    const transport = transportIn(home, options);
    const open = (command = 'true') => transport.open('tokyo', targetOf(server.port), command);
    return { server, home, transport, open };
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
      const session = await open("exec sh -c 'run  me'");
      const output = outputOf(session);
      session.write('one');
      await session.close();
      expect(await output).toBe('<one>');
      expect(await session.ended).toEqual({ exitCode: 3, signal: null, lost: null, stderr: 'bye' });
      expect(server.commands).toEqual(["exec sh -c 'run  me'"]);
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

    it('tells a program that ended with 255 from a connection that was lost', async () => {
      const { open } = await setUp({ onExec: (channel) => (channel.exit(255), channel.end()) });
      const session = await open();
      await outputOf(session);
      expect(await session.ended).toMatchObject({ exitCode: 255, lost: null });
    });

    it('says that a signal killed the program', async () => {
      const { open } = await setUp({ onExec: (channel) => (channel.exit('KILL'), channel.end()) });
      const session = await open();
      await outputOf(session);
      // ssh has the same status for that as for a program that ended with it.
      const end = carrier === 'ssh2' ? { exitCode: null, signal: 'SIGKILL' } : { exitCode: 255, signal: null };
      expect(await session.ended).toMatchObject({ ...end, lost: null });
    });

    it('is lost when the connection breaks in the middle of output', async () => {
      // The connection ends when the half has arrived: ssh drops what it has not yet written when it reads of an end.
      const { open } = await setUp({
        onExec: (channel, _command, connection) => {
          channel.write('half an ans');
          channel.once('data', () => connection.end());
        },
      });
      const session = await open();
      const output = await new Promise<string>((resolve) => session.onData((chunk) => resolve(chunk.toString())));
      expect(output).toBe('half an ans');
      session.write('read');
      expect(await session.ended).toMatchObject({ exitCode: null, lost: 'the host closed the connection' });
      session.write('nobody reads this');
      await session.close();
    });

    it('keeps the last 4 KiB of stderr', async () => {
      const { open } = await setUp({
        onExec: (channel) => {
          channel.stderr.write(Buffer.alloc(3_000_000, 'e'));
          channel.stderr.write('last words', () => (channel.write('done'), channel.exit(0), channel.end()));
        },
      });
      const session = await open();
      expect(await outputOf(session)).toBe('done');
      const { stderr } = await session.ended;
      expect(stderr).toHaveLength(4096);
      expect(stderr.endsWith('eelast words')).toBe(true);
    });

    it('drops a program that does not end at EOF, and can be destroyed', async () => {
      const { open } = await setUp({ onExec: (channel) => void channel.resume() });
      const [first, second] = [await open(), await open()];
      await first.close(50);
      expect((await first.ended).lost).toBe('the program did not end within 0.05 s');
      second.destroy();
      second.destroy();
      expect((await second.ended).lost).toBe('the connection was dropped from this side');
    });

    it('is lost when the host no longer answers keepalives', async () => {
      const server = await startServer({ authorized: [userKey] });
      let isCut = false;
      const port = await startTcpServer((socket) => {
        const upstream = connect(server.port, '127.0.0.1');
        upstream.on('error', () => {});
        socket.on('data', (chunk) => isCut || upstream.write(chunk));
        upstream.on('data', (chunk) => isCut || socket.write(chunk));
        socket.on('close', () => upstream.destroy());
      });
      const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(port, server.hostKey) });
      const session = await transportIn(home, { keepaliveIntervalMs: 20 }).open('tokyo', targetOf(port), 'true');
      isCut = true;
      expect((await session.ended).lost).toBe('Keepalive timeout');
    }, 15_000);
  });

  describe('connecting', () => {
    it('says that a port is closed, and what to try', async () => {
      const { transport } = await setUp({}, { retries: 0 });
      const error = await failureOf(transport.open('tokyo', targetOf(1), 'true'));
      expect(error).toMatchObject({ code: 'connect', host: 'tokyo' });
      expect(error.message).toBe('cannot connect to 127.0.0.1 port 1: connection refused');
      expect(error.hint).toContain('ssh -p 1 root@127.0.0.1');
    });

    it('says that a name does not exist', async () => {
      const { transport } = await setUp({}, { retries: 0 });
      const target = targetOf(22, { host: 'no-such-host.invalid' });
      const error = await failureOf(transport.open('tokyo', target, 'true'));
      expect(error.message).toMatch(/^cannot connect to no-such-host\.invalid port 22: the name/);
      expect(error.hint).toContain('getent hosts no-such-host.invalid');
    });

    it('gives up on a server that never says anything, and does not ask again', async () => {
      let connections = 0;
      const port = await startTcpServer(() => void (connections += 1));
      // ssh has whole seconds, and no patience of its own beside them.
      const { transport } = await setUp({}, { connectTimeoutMs: 1000, leastBannerMs: 0 });
      const error = await failureOf(transport.open('tokyo', targetOf(port), 'true'));
      expect(error.code).toBe('connect');
      expect(error.message).toContain('sent no SSH banner within 1 s');
      expect(error.hint).toContain('--connect-timeout 3');
      expect(connections).toBe(1);
    });
    it('gives up on a server that stops after its banner', async () => {
      const port = await startTcpServer((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n'));
      const { transport } = await setUp({}, { readyTimeoutMs: 300 });
      const error = await failureOf(transport.open('tokyo', targetOf(port), 'true'));
      expect(error.message).toContain('did not finish the SSH handshake within 0.3 s');
    });

    it('tries again when the server closes the connection, then says when it did', async () => {
      let connections = 0;
      const afterBanner = await startTcpServer((socket) => {
        connections += 1;
        socket.end('SSH-2.0-OpenSSH_9.9\r\n');
      });
      const beforeBanner = await startTcpServer((socket) => socket.end());
      const { transport } = await setUp({}, { retries: 2 });
      const after = await failureOf(transport.open('tokyo', targetOf(afterBanner), 'true'));
      expect(after).toMatchObject({ code: 'connect', host: 'tokyo' });
      expect(after.message).toContain('closed the connection during the SSH handshake');
      expect(connections).toBe(3);
      const before = await failureOf(transport.open('tokyo', targetOf(beforeBanner), 'true'));
      expect(before.message).toContain('closed the connection before it said anything');
    });

    it('names a refused channel, after one login', async () => {
      const { server, open } = await setUp({ refuseChannel: true });
      if (carrier === 'ssh2') {
        const error = await failureOf(open());
        expect(error).toMatchObject({ code: 'protocol', host: 'tokyo' });
        expect(error.message).toContain('let root in but runs no command');
      } else {
        // Whoever waits for the program's hello says it, by the end of the session.
        const { exitCode, lost, stderr } = await (await open()).ended;
        expect([exitCode, lost]).toEqual([255, null]);
        expect(stderr).toContain('open failed');
      }
      expect(server.connections).toBe(1);
    });

    it('never has more connections to one server under way than it may', async () => {
      let underWay = 0;
      let most = 0;
      const { server, transport } = await setUp(
        {
          onTcp: () => (most = Math.max(most, (underWay += 1))),
          onConnection: (connection) => void connection.once('ready', () => (underWay -= 1)),
        },
        { maxHandshakes: 2 },
      );
      const opening = Array.from({ length: 8 }, () => transport.open('tokyo', targetOf(server.port), 'true'));
      const sessions = await Promise.all(opening);
      expect(most).toBe(2);
      await Promise.all(sessions.map((session) => session.close()));
    });

    it('does not let silent hosts hold up the others', async () => {
      const ports = await Promise.all(Array.from({ length: 4 }, () => startTcpServer(() => {})));
      const { transport, open } = await setUp({}, { maxHandshakes: 2, readyTimeoutMs: 6000 });
      let settled = 0;
      const silent = ports.map(async (port) => {
        await failureOf(transport.open(`on-${port}`, targetOf(port), 'true'));
        settled += 1;
      });
      const session = await open();
      expect(settled).toBe(0);
      await session.close();
      await Promise.all(silent);
    }, 20_000);
  });

  describe('host keys', () => {
    const openTo = (server: TestServer, home: string, options: TestTransportOptions = {}) =>
      transportIn(home, options).open('tokyo', targetOf(server.port), 'true');

    it('are refused when they are unknown, with the fingerprint and the way to accept it', async () => {
      const server = await startServer();
      const home = makeHome({ id_ed25519: userKey.private });
      const error = await failureOf(openTo(server, home));
      expect(error).toMatchObject({ code: 'host-key', host: 'tokyo' });
      expect(error.message).toContain(`ED25519 key ${fingerprint(wireKey(server.hostKey))}`);
      expect(error.message).toContain(`no line of ${join(home, '.ssh/known_hosts')}`);
      expect(error.hint).toContain('--accept-new');
      expect(error.hint).toContain('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
      expect([server.logins, server.connections]).toEqual([[], 1]);
      expect(existsSync(join(home, '.ssh/known_hosts'))).toBe(false);
    });

    it('are refused when they are changed or revoked, even with acceptNew, with the line', async () => {
      const server = await startServer();
      const old = makeKey();
      const home = makeHome({ id_ed25519: userKey.private, known_hosts: `# old\n${knownLine(server.port, old)}` });
      const file = join(home, '.ssh/known_hosts');
      const changed = await failureOf(openTo(server, home, { acceptNew: true }));
      expect(changed.code).toBe('host-key');
      expect(changed.message).toContain(`${file}:2 has ED25519 key ${fingerprint(wireKey(old))}`);
      expect(changed.message).toContain(`it shows ED25519 key ${fingerprint(wireKey(server.hostKey))}`);
      expect(changed.hint).toContain(`ssh-keygen -R '[127.0.0.1]:${server.port}' -f ${file}`);
      expect(readFileSync(file, 'utf8')).toBe(`# old\n${knownLine(server.port, old)}`);
      writeFileSync(file, `@revoked ${knownLine(server.port, server.hostKey)}`);
      const revoked = await failureOf(openTo(server, home, { acceptNew: true }));
      expect(revoked.code).toBe('host-key');
      expect(revoked.message).toContain('known_hosts:1 marks @revoked');
      expect(server.logins).toEqual([]);
    });

    it('are recorded once with acceptNew, and known from then on', async () => {
      const server = await startServer();
      const home = makeHome({ id_ed25519: userKey.private });
      const file = join(home, 'new dir', 'known_hosts');
      const notices: string[] = [];
      const options = { acceptNew: true, knownHosts: file, onNotice: (notice: string) => notices.push(notice) };
      const transport = transportIn(home, options);
      const opening = ['a', 'b', 'c'].map((name) => transport.open(name, targetOf(server.port), 'true'));
      const first = await Promise.all(opening);
      expect(notices).toHaveLength(1);
      expect(notices[0]).toContain(fingerprint(wireKey(server.hostKey)));
      expect(readFileSync(file, 'utf8')).toBe(knownLine(server.port, server.hostKey));
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(join(home, 'new dir')).mode & 0o777).toBe(0o700);
      const second = await openTo(server, home, { knownHosts: file });
      await Promise.all([...first, second].map((session) => session.close()));
    });

    it('that cannot be recorded or compared end the connection', async () => {
      const server = await startServer();
      const home = makeHome({ id_ed25519: userKey.private, 'a-file': '' });
      const inFile = join(home, '.ssh/a-file/known_hosts');
      expect((await failureOf(openTo(server, home, { acceptNew: true, knownHosts: inFile }))).code).toBe('host-key');
      const unreadable = await failureOf(openTo(server, home, { acceptNew: true, knownHosts: join(home, '.ssh') }));
      expect(unreadable.code).toBe('host-key');
      expect(unreadable.message).toContain('cannot read');
      const fifo = join(home, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const waiting = await failureOf(openTo(server, home, { acceptNew: true, knownHosts: fifo }));
      expect(waiting).toMatchObject({ code: 'host-key' });
      expect(waiting.message).toContain(`cannot read ${fifo}`);
    });
  });

  describe('a login', () => {
    it('that is refused says what was tried and what the host takes, after one connection', async () => {
      const { server, home, open } = await setUp({ authorized: [] });
      const error = await failureOf(open());
      expect(error).toMatchObject({ code: 'auth', host: 'tokyo' });
      expect(error.message).toContain(`login refused by root@127.0.0.1 port ${server.port}; tried `);
      expect(error.message).toContain(join(home, '.ssh/id_ed25519'));
      expect(error.message).toContain('the host accepts publickey, password');
      expect(error.hint).toContain('ssh-copy-id');
      expect(server.connections).toBe(1);
    });

    it('that wants more than the key is not told to bring another key', async () => {
      const { server, open } = await setUp({
        onConnection: (connection) => {
          connection.removeAllListeners('authentication');
          connection.on('authentication', (context) =>
            context.method === 'publickey' && context.signature === undefined
              ? context.accept()
              : context.method === 'publickey'
                ? context.reject(['keyboard-interactive'], true)
                : context.reject(['publickey']),
          );
        },
      });
      const error = await failureOf(open());
      expect(error).toMatchObject({ code: 'auth', host: 'tokyo' });
      const taken = carrier === 'ssh2' ? 'took the key' : 'takes no key, or took one,';
      expect(error.message).toBe(
        `root@127.0.0.1 port ${server.port} ${taken} and wants a second factor: keyboard-interactive`,
      );
      expect(error.hint).toContain('AuthenticationMethods publickey');
      expect(error.hint).not.toContain('ssh-copy-id');
      expect(server.connections).toBe(1);
    });

    it('is not repeated at a host that hangs up on the first key', async () => {
      const { server, open } = await setUp({
        onConnection: (connection) => {
          connection.removeAllListeners('authentication');
          connection.on('authentication', (context) =>
            context.method === 'none' ? context.reject(['publickey']) : connection.end(),
          );
        },
      });
      expect((await failureOf(open())).code).toBe('auth');
      expect(server.connections).toBe(1);
    });

    it('uses the identity_file and no other key', async () => {
      const { server, home, transport } = await setUp();
      const identityFile = join(home, 'other key');
      writeFileSync(identityFile, makeKey('ecdsa').private, { mode: 0o600 });
      expect((await failureOf(transport.open('tokyo', targetOf(server.port, { identityFile }), 'true'))).code).toBe(
        'auth',
      );
      expect(server.logins.filter((login) => login !== 'none')).toEqual(['publickey ecdsa-sha2-nistp256']);
    });

    it('with an identity_file that cannot be used contacts nobody', async () => {
      const { server, home, transport } = await setUp();
      const identityFile = join(home, 'identity');
      const open = () => failureOf(transport.open('tokyo', targetOf(server.port, { identityFile }), 'true'));
      expect((await open()).message).toBe(`cannot use the identity_file ${identityFile}: there is no such file`);
      writeFileSync(identityFile, 'hello', { mode: 0o600 });
      const later = transportIn(home).open('tokyo', targetOf(server.port, { identityFile }), 'true');
      expect((await failureOf(later)).message).toContain('not a usable private key');
      expect(server.connections).toBe(0);
    });
  });

  describe('a host behind a jump host', () => {
    async function setUpJump(behaviour: ServerBehaviour = {}, options: TestTransportOptions = {}) {
      const jump = await startServer({ authorized: [userKey], forwards: true, ...behaviour });
      const inner = await startServer({ authorized: [userKey] });
      const known_hosts = knownLine(jump.port, jump.hostKey) + knownLine(inner.port, inner.hostKey);
      const home = makeHome({ id_ed25519: userKey.private, known_hosts });
      return { jump, inner, home, transport: transportIn(home, options) };
    }
    const through = (server: Pick<TestServer, 'port'>, ...hops: readonly Pick<TestServer, 'port'>[]): SshTarget =>
      targetOf(server.port, { proxyJump: hops.map((hop) => targetOf(hop.port)) });

    it('is reached through one connection of ssh2, however many there are, and through one of each ssh', async () => {
      const { jump, inner, transport } = await setUpJump();
      const names = Array.from({ length: 4 }, (_, index) => `spoke-${index}`);
      const sessions = await Promise.all(names.map((name) => transport.open(name, through(inner, jump), name)));
      // One more is the first that logs in to the jump host, for all of them.
      expect([jump.connections, jump.commands]).toEqual([carrier === 'ssh2' ? 1 : 5, []]);
      await Promise.all(sessions.map((session) => session.close()));
      expect(inner.commands.toSorted()).toEqual(names);
    });

    it('is reached through several, each with its key checked', async () => {
      const { jump, inner, home, transport } = await setUpJump();
      const middle = await startServer({ authorized: [userKey], forwards: true });
      const path = through(inner, jump, middle);
      const error = await failureOf(transport.open('tokyo', path, 'true'));
      expect(error.code).toBe('host-key');
      expect(error.message).toContain('the jump host 127.0.0.1 cannot be passed: the host key of 127.0.0.1 port');
      expect(middle.logins).toEqual([]);
      const lines = [jump, inner, middle].map(({ port, hostKey }) => knownLine(port, hostKey));
      writeFileSync(join(home, '.ssh/known_hosts'), lines.join(''));
      const session = await transportIn(home).open('tokyo', path, 'true');
      await session.close();
      expect(middle.forwarded).toEqual([inner.port]);
    });

    it('shares the failure of its jump host, which is tried once', async () => {
      let connections = 0;
      const deadPort = await startTcpServer((socket) => {
        connections += 1;
        socket.destroy();
      });
      const { inner, transport } = await setUpJump({}, { retries: 1 });
      const opening = ['a', 'b', 'c'].map((name) => transport.open(name, through(inner, { port: deadPort }), 'true'));
      const errors = await Promise.all(opening.map(failureOf));
      expect(connections).toBe(2);
      expect(new Set(errors).size).toBe(1);
      expect(errors[0]).toMatchObject({ code: 'connect', host: undefined });
    });

    it('fails alone when the jump host cannot reach it', async () => {
      const { jump, inner, transport } = await setUpJump({}, { retries: 0 });
      const error = await failureOf(transport.open('tokyo', through({ port: 1 }, jump), 'true'));
      expect(error).toMatchObject({ code: 'connect', host: 'tokyo' });
      expect(error.message).toMatch(/^cannot connect to 127\.0\.0\.1 port 1 through 127\.0\.0\.1: /);
      await (await transport.open('osaka', through(inner, jump), 'true')).close();
      expect(jump.connections).toBe(carrier === 'ssh2' ? 1 : 3);
    });

    it('is reached again after its jump host was lost', async () => {
      const connections: { end(): void }[] = [];
      const { jump, inner, transport } = await setUpJump({
        onConnection: (connection) => void connections.push(connection),
      });
      const first = await transport.open('tokyo', through(inner, jump), 'true');
      connections.at(-1)?.end();
      expect((await first.ended).lost).not.toBeNull();
      await (await transport.open('tokyo', through(inner, jump), 'true')).close();
      expect(jump.connections).toBe(carrier === 'ssh2' ? 2 : 3);
    });
  });
});
