import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SshTarget } from '../../src/inventory/inventory.js';
import type { Session } from '../../src/ssh/transport.js';
import {
  failureOf,
  knownLine,
  makeHome,
  makeKey,
  startServer,
  startTcpServer,
  targetOf,
  transportOf,
  type ServerBehaviour,
  type TestServer,
  type TestTransportOptions,
} from './ssh-test-server.js';

const userKey = makeKey();

/** A jump host, a host behind it, both known, and the transport. */
async function setUp(jumpBehaviour: ServerBehaviour = {}, options: TestTransportOptions = {}) {
  const jump = await startServer({ authorized: [userKey], forwards: true, ...jumpBehaviour });
  const inner = await startServer({ authorized: [userKey] });
  const home = makeHome({
    id_ed25519: userKey.private,
    known_hosts: knownLine(jump.port, jump.hostKey) + knownLine(inner.port, inner.hostKey),
  });
  const transport = transportOf(home, options);
  return { jump, inner, home, transport };
}

const through = (server: Pick<TestServer, 'port'>, ...hops: readonly Pick<TestServer, 'port'>[]): SshTarget =>
  targetOf(server.port, { proxyJump: hops.map((hop) => targetOf(hop.port)) });

/** What the echo of the test server gives back. */
async function echoOf(session: Session, text: string): Promise<string> {
  const chunks: Buffer[] = [];
  session.onData((chunk) => chunks.push(chunk));
  session.write(text);
  await session.close();
  await session.ended;
  return Buffer.concat(chunks).toString();
}

describe('a host behind a jump host', () => {
  it('is reached through one connection, however many there are', async () => {
    const { jump, inner, transport } = await setUp();
    const names = Array.from({ length: 12 }, (_, index) => `spoke-${index}`);
    const sessions = await Promise.all(names.map((name) => transport.open(name, through(inner, jump), name)));
    expect(jump.connections).toBe(1);
    expect(jump.commands).toEqual([]);
    expect(jump.forwarded).toEqual(names.map(() => inner.port));
    expect([...inner.commands].sort()).toEqual([...names].sort());
    const echoes = await Promise.all(sessions.map((session, index) => echoOf(session, `hello ${index}`)));
    expect(echoes).toEqual(names.map((_, index) => `hello ${index}`));
  });

  it('carries megabytes both ways', async () => {
    const { jump, inner, transport } = await setUp();
    const sent = 'x'.repeat(3_000_000);
    const session = await transport.open('tokyo', through(inner, jump), 'true');
    expect((await echoOf(session, sent)) === sent).toBe(true);
    expect(await session.ended).toMatchObject({ exitCode: 0, lost: null });
  });

  it('is reached through several, one after the other', async () => {
    const { jump, inner, home, transport } = await setUp();
    const middle = await startServer({ authorized: [userKey], forwards: true });
    const lines = [jump, inner, middle].map(({ port, hostKey }) => knownLine(port, hostKey));
    writeFileSync(join(home, '.ssh/known_hosts'), lines.join(''));
    const session = await transport.open('tokyo', through(inner, jump, middle), 'true');
    expect(await echoOf(session, 'hello')).toBe('hello');
    expect([jump.forwarded, middle.forwarded]).toEqual([[middle.port], [inner.port]]);
  });

  it('is not asked before the key of the jump host is known', async () => {
    const { jump, inner, home, transport } = await setUp();
    writeFileSync(join(home, '.ssh/known_hosts'), knownLine(inner.port, inner.hostKey));
    const error = await failureOf(transport.open('tokyo', through(inner, jump), 'true'));
    expect(error.code).toBe('host-key');
    expect(error.message).toContain(`the jump host 127.0.0.1 cannot be passed: the host key of 127.0.0.1 port`);
    expect([jump.logins, jump.forwarded, inner.connections]).toEqual([[], [], 0]);
  });

  it('has its own key checked', async () => {
    const { jump, inner, home, transport } = await setUp();
    writeFileSync(
      join(home, '.ssh/known_hosts'),
      knownLine(jump.port, jump.hostKey) + knownLine(inner.port, makeKey()),
    );
    const error = await failureOf(transport.open('tokyo', through(inner, jump), 'true'));
    expect(error).toMatchObject({ code: 'host-key', host: 'tokyo' });
    expect(inner.logins).toEqual([]);
  });

  it('says where the name of a jump host that does not exist stands', async () => {
    const { inner, transport } = await setUp({}, { retries: 0 });
    const target = targetOf(inner.port, { proxyJump: [targetOf(22, { host: 'hubb' })] });
    const error = await failureOf(transport.open('tokyo', target, 'true'));
    expect(error.hint).toMatch(/^check ssh\.proxy_jump: getent hosts hubb; .*did you mean proxy_jump: hub\?$/);
  });

  it('shares the failure of its jump host, which is tried once', async () => {
    let connections = 0;
    const deadPort = await startTcpServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    const { inner, transport } = await setUp({}, { retries: 2 });
    const opening = ['a', 'b', 'c'].map((name) => transport.open(name, through(inner, { port: deadPort }), 'true'));
    const errors = await Promise.all(opening.map(failureOf));
    expect(connections).toBe(3);
    expect(new Set(errors).size).toBe(1);
    // Without a host of its own: that is how it is told once, for all that are behind it.
    expect(errors[0]).toMatchObject({ code: 'connect', host: undefined });
    expect(errors[0]?.message).toMatch(/^the jump host 127\.0\.0\.1 cannot be passed: 127\.0\.0\.1 port \d+ closed/);
    // Also who comes later does not wait for it again.
    expect(await failureOf(transport.open('d', through(inner, { port: deadPort }), 'true'))).toBe(errors[0]);
    expect(connections).toBe(3);
  });

  it('fails alone when the jump host cannot reach it', async () => {
    const { jump, inner, transport } = await setUp({}, { retries: 1 });
    const error = await failureOf(transport.open('tokyo', through({ port: 1 }, jump), 'true'));
    expect(error).toMatchObject({ code: 'connect', host: 'tokyo' });
    expect(error.message).toMatch(/^cannot connect to 127\.0\.0\.1 port 1 through 127\.0\.0\.1: /);
    const session = await transport.open('osaka', through(inner, jump), 'true');
    await session.close();
    expect(jump.connections).toBe(1);
  });

  it('says that a jump host forwards nothing', async () => {
    const { jump, inner, transport } = await setUp({ forwards: false });
    const error = await failureOf(transport.open('tokyo', through(inner, jump), 'true'));
    expect(error).toMatchObject({ code: 'protocol', host: 'tokyo' });
    expect(error.message).toContain('forwards nothing');
    expect(error.hint).toContain('AllowTcpForwarding');
  });

  it('gives up on a host that the jump host does not hear from', async () => {
    const { jump, inner, transport } = await setUp(
      { onConnection: (connection) => void connection.removeAllListeners('tcpip').on('tcpip', () => {}) },
      { connectTimeoutMs: 80 },
    );
    const error = await failureOf(transport.open('tokyo', through(inner, jump), 'true'));
    expect(error.message).toContain('no answer within 0.08 s');
  });

  it('is lost with its jump host, which is connected to anew', async () => {
    const connections: { end(): void }[] = [];
    const { jump, inner, transport } = await setUp({ onConnection: (connection) => void connections.push(connection) });
    const session = await transport.open('tokyo', through(inner, jump), 'true');
    connections[0]?.end();
    expect((await session.ended).lost).not.toBeNull();
    const again = await transport.open('tokyo', through(inner, jump), 'true');
    expect(await echoOf(again, 'hello')).toBe('hello');
    expect(jump.connections).toBe(2);
  });

  it('leaves no connection to the jump host behind', async () => {
    let open = 0;
    const { jump, inner, transport } = await setUp({
      onConnection: (connection) => {
        open += 1;
        connection.on('close', () => (open -= 1));
      },
    });
    const session = await transport.open('tokyo', through(inner, jump), 'true');
    await session.close();
    expect(open).toBe(1);
    await transport.close();
    await expect.poll(() => open).toBe(0);
  });
});

const hasSsh = spawnSync('ssh', ['-V']).error === undefined;

describe.skipIf(!hasSsh)('ssh_config', () => {
  it('names the jump hosts, the keys and the known names', async () => {
    const { jump, inner, home } = await setUp();
    const configFile = join(home, 'config');
    const known = join(home, 'known');
    const key = knownLine(inner.port, inner.hostKey).split(' ').slice(1).join(' ');
    writeFileSync(known, `${knownLine(jump.port, jump.hostKey)}tokyo-key ${key}`);
    writeFileSync(join(home, 'fleet key'), userKey.private, { mode: 0o600 });
    writeFileSync(
      configFile,
      `
Host tokyo
  HostName 127.0.0.1
  Port ${inner.port}
  ProxyJump gate
  HostKeyAlias tokyo-key
Host gate
  HostName 127.0.0.1
  Port ${jump.port}
Host *
  IdentityFile "${home}/fleet key"
  IdentitiesOnly yes
  UserKnownHostsFile ${known}
`,
    );
    const traces: string[] = [];
    const transport = transportOf(makeHome(), { configFile, onTrace: (message) => traces.push(message) });
    const target = targetOf(0, { host: 'tokyo', port: undefined, user: undefined });
    const session = await transport.open('tokyo', target, 'true');
    expect(await echoOf(session, 'hello')).toBe('hello');
    expect(traces.map((trace) => trace.split(':').slice(0, 2).join(':'))).toEqual([
      'tokyo: resolve',
      'jump host gate: connect',
      'jump host gate: key',
      'jump host gate: key',
      'jump host gate: auth',
      'tokyo: connect',
      'tokyo: key',
      'tokyo: key',
      'tokyo: auth',
    ]);
  });

  it('that trusts a jump host less gets no connection of one that trusts it more', async () => {
    const { jump, inner, home } = await setUp();
    const configFile = join(home, 'config');
    const place = `HostName 127.0.0.1\n  Port ${jump.port}\n  User root`;
    const gates = `Host gate same\n  ${place}\nHost strict\n  ${place}\n  UserKnownHostsFile /dev/null\n`;
    writeFileSync(configFile, gates);
    const transport = transportOf(home, { configFile });
    const open = async (gate: string): Promise<void> => {
      const hop = targetOf(0, { host: gate, port: undefined, user: undefined });
      const session = await transport.open('tokyo', targetOf(inner.port, { proxyJump: [hop] }), 'true');
      await session.close();
    };
    await open('gate');
    await open('same');
    expect(jump.connections).toBe(1);
    await expect(open('strict')).rejects.toMatchObject({ code: 'host-key' });
    expect(jump.connections).toBe(2);
  });

  it('may forbid the algorithms that a host has', async () => {
    const { inner, home } = await setUp();
    const configFile = join(home, 'config');
    writeFileSync(configFile, 'Host *\n  HostKeyAlgorithms rsa-sha2-512\n');
    const error = await failureOf(
      transportOf(home, { configFile, retries: 0 }).open('tokyo', targetOf(inner.port), 'true'),
    );
    expect(error.code).toBe('protocol');
    writeFileSync(configFile, 'Host *\n  HostKeyAlgorithms sk-ssh-ed25519@openssh.com\n');
    const none = await failureOf(transportOf(home, { configFile }).open('tokyo', targetOf(inner.port), 'true'));
    expect(none.message).toContain('HostKeyAlgorithms leaves sk-ssh-ed25519@openssh.com');
    expect(inner.logins).toEqual([]);
  });

  it.each(['accept-new', 'no'])(
    'records new keys and refuses changed ones with StrictHostKeyChecking %s',
    async (word) => {
      const { jump, inner, home } = await setUp();
      const configFile = join(home, 'config');
      const known = join(home, 'known');
      writeFileSync(known, knownLine(jump.port, makeKey()));
      writeFileSync(configFile, `Host *\n  StrictHostKeyChecking ${word}\n  UserKnownHostsFile ${known}\n`);
      const notices: string[] = [];
      const transport = transportOf(home, { configFile, onNotice: (notice) => notices.push(notice) });
      const sessions = [
        await transport.open('a', targetOf(inner.port), 'true'),
        await transport.open('b', targetOf(inner.port), 'true'),
      ];
      expect((await failureOf(transport.open('c', targetOf(jump.port), 'true'))).code).toBe('host-key');
      expect(notices.filter((notice) => notice.includes(`recorded the new host key`))).toHaveLength(1);
      expect(notices.filter((notice) => notice.includes('taken for accept-new'))).toHaveLength(word === 'no' ? 1 : 0);
      await Promise.all(sessions.map((session) => session.close()));
    },
  );

  it('remembers a key for the run where there is no file for it', async () => {
    const { inner, home } = await setUp();
    const configFile = join(home, 'config');
    writeFileSync(configFile, 'Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n');
    const notices: string[] = [];
    const transport = transportOf(home, { configFile, onNotice: (notice) => notices.push(notice) });
    for (const name of ['a', 'b']) await (await transport.open(name, targetOf(inner.port), 'true')).close();
    expect(notices.filter((notice) => notice.includes('for this run only'))).toHaveLength(1);
  });
});
