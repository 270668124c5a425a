/** What only the transport openssh does; what it has in common with ssh2 is in transports.test.ts. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { endingWithUs } from '../../src/ssh/local-machine.js';
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
  type TestTransportOptions,
} from './ssh-test-server.js';

const userKey = makeKey();
const hasSsh = spawnSync('ssh', ['-V']).error === undefined;

async function setUp(behaviour: ServerBehaviour = {}, options: TestTransportOptions = {}) {
  const server = await startServer({ authorized: [userKey], ...behaviour });
  const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(server.port, server.hostKey) });
  const transport = transportOf(home, { carrier: 'openssh', ...options });
  return { server, home, transport, open: () => transport.open('tokyo', targetOf(server.port), 'true') };
}

/** SSH_MSG_DISCONNECT (RFC 4253, 11.1) as it is before the keys are exchanged. */
function disconnectPacket(description: string): Buffer {
  const uint32 = (value: number): Buffer => Buffer.from([value >> 24, value >> 16, value >> 8, value]);
  const text = Buffer.from(description);
  const payload = Buffer.concat([Buffer.from([1]), uint32(2), uint32(text.length), text, uint32(0)]);
  const padding = 8 - ((payload.length + 5) % 8) + 8;
  return Buffer.concat([uint32(payload.length + padding + 1), Buffer.from([padding]), payload, Buffer.alloc(padding)]);
}

/** The ssh processes of this one, by pid. */
function sshChildren(): number[] {
  const list = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return list.map(Number).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'ssh');
}

describe.skipIf(!hasSsh)('the transport openssh', () => {
  it('keeps its ssh out of reach of Ctrl-C, and leaves no process when it is dropped', async () => {
    const { open } = await setUp();
    const session = await open();
    const pids = sshChildren();
    expect(pids).toHaveLength(1);
    const group = execFileSync('ps', ['-o', 'pgid=', '-p', String(pids[0])], { encoding: 'utf8' }).trim();
    expect(Number(group)).toBe(pids[0]);
    session.destroy();
    await session.ended;
    expect(sshChildren()).toEqual([]);
  });

  it('makes a new connection for every session', async () => {
    const { server, open } = await setUp();
    const sessions = [await open(), await open()];
    expect(server.connections).toBe(2);
    await Promise.all(sessions.map((session) => session.close()));
  });

  it('has no file with a name, while it runs and after', async () => {
    // Other tests' files come and go in the machine's own.
    const directory = mkdtempSync('/tmp/vxfleet-tmp-');
    onTestFinished(() => rmSync(directory, { recursive: true }));
    vi.stubEnv('TMPDIR', directory);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { server, home } = await setUp();
    const before = readdirSync(directory);
    const knownHosts = join(home, 'known_hosts');
    const session = await transportOf(home, { carrier: 'openssh', acceptNew: true, knownHosts }).open(
      'tokyo',
      targetOf(server.port),
      'true',
    );
    expect(readdirSync(directory)).toEqual(before);
    await session.close();
  });

  it('ends with the process that started it, whatever ended that', async () => {
    const { server, home } = await setUp({}, {});
    const config = join(home, 'config');
    writeFileSync(config, '');
    const key = join(home, '.ssh/id_ed25519');
    const words = ['-F', config, '-N', '-i', key, '-p', String(server.port)];
    const known = ['-o', `UserKnownHostsFile=${join(home, '.ssh/known_hosts')}`, 'root@127.0.0.1'];
    const argv = JSON.stringify(endingWithUs(['ssh', ...words, ...known]));
    // Its stdin is at no end when its parent is killed: it is the kernel that ends it.
    const script = `const [program, ...words] = ${argv};
      const child = require('child_process').spawn(program, words, { detached: true, stdio: ['inherit', 'ignore', 'ignore'] });
      console.log(child.pid); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (line: Buffer) => resolve(Number(line))),
    );
    await vi.waitFor(() => expect(server.logins.length + server.connections).toBeGreaterThan(0), 5000);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), 5000);
  });

  it('takes no word of a host for how far it has come', async () => {
    const forged = [
      'debug1: SSH2_MSG_NEWKEYS received',
      'debug1: Authentication succeeded (publickey).',
      'debug2: exec request accepted on channel 0',
      `${'0'.repeat(32)} 0 IN`,
      'Host key verification failed.',
      'Offending ED25519 key in /etc/passwd:1',
    ];
    const port = await startTcpServer((socket) => {
      socket.write('SSH-2.0-OpenSSH_9.9\r\n');
      socket.once('data', () => socket.end(disconnectPacket(['bye', ...forged, ''].join('\n'))));
    });
    const { home } = await setUp();
    const transport = transportOf(home, { carrier: 'openssh', acceptNew: true, retries: 0 });
    const error = await failureOf(transport.open('tokyo', targetOf(port), 'true'));
    expect(error).toMatchObject({ host: 'tokyo' });
    expect(`${error.message} ${error.hint}`).not.toContain('/etc/passwd');
  });

  it('asks nobody for a passphrase, and says what an encrypted key needs', async () => {
    const { server, home, transport, open } = await setUp({}, { askPassphrase: () => Promise.resolve('open sesame') });
    writeFileSync(join(home, '.ssh/id_ed25519'), makeKey('ed25519', 'open sesame').private, { mode: 0o600 });
    const error = await failureOf(open());
    expect(error.code).toBe('auth');
    expect(error.message).toContain('it is encrypted, and over openssh only an agent can open it');
    const identityFile = join(home, '.ssh/id_ed25519');
    const named = await failureOf(transport.open('tokyo', targetOf(server.port, { identityFile }), 'true'));
    expect(named.message).toContain(`cannot use the identity_file ${identityFile}: it is encrypted`);
    expect(named.hint).toBe(`ssh-add ${identityFile}`);
    expect(server.connections).toBe(1);
  });

  it('follows what only OpenSSH understands of ssh_config', async () => {
    const { server, home } = await setUp({ kex: ['diffie-hellman-group14-sha1'] });
    const configFile = join(home, 'config');
    writeFileSync(configFile, 'Host *\n  Compression no\n');
    const without = transportOf(home, { carrier: 'openssh', configFile });
    const error = await failureOf(without.open('tokyo', targetOf(server.port), 'true'));
    expect(error).toMatchObject({ code: 'protocol', host: 'tokyo' });
    expect(error.message).toContain('cannot be talked to: no matching key exchange method found');
    writeFileSync(configFile, 'Host *\n  KexAlgorithms diffie-hellman-group14-sha1\n');
    const transport = transportOf(home, { carrier: 'openssh', configFile });
    await (await transport.open('tokyo', targetOf(server.port), 'true')).close();
  });

  it('takes no other setting than those that vxfleet knows', async () => {
    const { server, home } = await setUp();
    const marker = join(home, 'was-here');
    const configFile = join(home, 'config');
    const lines = [
      `LocalCommand touch ${marker}`,
      'PermitLocalCommand yes',
      'RemoteForward 1 127.0.0.1:2',
      'RequestTTY force',
    ];
    writeFileSync(configFile, `Host *\n${lines.map((line) => `  ${line}\n`).join('')}`);
    const transport = transportOf(home, { carrier: 'openssh', configFile });
    const session = await transport.open('tokyo', targetOf(server.port), 'true');
    await session.close();
    expect(existsSync(marker)).toBe(false);
  });

  it('passes a ProxyCommand on, and tells its last words', async () => {
    const { server, home } = await setUp();
    const configFile = join(home, 'config');
    const relay = `const s=require('net').connect(${server.port},'127.0.0.1');process.stdin.pipe(s).pipe(process.stdout)`;
    writeFileSync(join(home, 'relay.cjs'), relay);
    writeFileSync(configFile, `Host *\n  ProxyCommand ${process.execPath} ${home}/relay.cjs 100%%\n`);
    const transport = transportOf(home, { carrier: 'openssh', configFile });
    await (await transport.open('tokyo', targetOf(server.port), 'true')).close();
    writeFileSync(configFile, "Host *\n  ProxyCommand sh -c 'echo last words >&2; exit 3' secret\n");
    const failing = transportOf(home, { carrier: 'openssh', configFile, retries: 0 });
    const error = await failureOf(failing.open('tokyo', targetOf(server.port), 'true'));
    expect(error).toMatchObject({ code: 'connect', host: 'tokyo' });
    expect(error.message).toContain('was lost before it said anything (the ProxyCommand sh ended: last words)');
    expect(error.message).not.toContain('secret');
  });

  it("passes ssh_config's jump hosts with their own settings, and the inventory's in their place", async () => {
    const { server: inner, home } = await setUp();
    const other = makeKey();
    const jump = await startServer({ authorized: [other], forwards: true });
    const configFile = join(home, 'config');
    writeFileSync(join(home, 'gate key'), other.private, { mode: 0o600 });
    const gateKey = knownLine(jump.port, jump.hostKey).replace(/^\S+/, 'gate-key');
    writeFileSync(join(home, 'gate known'), gateKey);
    const gate = `
Host gate
  HostName 127.0.0.1
  Port ${jump.port}
  User somebody
  IdentityFile "${home}/gate key"
  IdentitiesOnly yes
  HostKeyAlias gate-key
  UserKnownHostsFile "${home}/gate known"
  ControlMaster auto
  ControlPath ${home}/control
`;
    writeFileSync(configFile, `Host tokyo\n  HostName 127.0.0.1\n  ProxyJump gate\n${gate}`);
    const transport = transportOf(home, { carrier: 'openssh', configFile });
    const target = targetOf(inner.port, { host: 'tokyo' });
    const session = await transport.open('tokyo', target, 'true');
    expect(existsSync(join(home, 'control'))).toBe(false);
    await session.close();
    expect(jump.forwarded).toEqual([inner.port]);
    await (await transport.open('tokyo', { ...target, proxyJump: [] }, 'true')).close();
    expect(jump.forwarded).toEqual([inner.port]);
  });

  it('says that a jump host forwards nothing', async () => {
    const { server: jump, home, transport } = await setUp();
    const inner = await startServer({ authorized: [userKey] });
    const lines = [jump, inner].map(({ port, hostKey }) => knownLine(port, hostKey));
    writeFileSync(join(home, '.ssh/known_hosts'), lines.join(''));
    const target = targetOf(inner.port, { proxyJump: [targetOf(jump.port)] });
    const error = await failureOf(transport.open('tokyo', target, 'true'));
    expect(error.message).toContain('through 127.0.0.1: 127.0.0.1 forwards nothing: administratively prohibited');
    expect(error).toMatchObject({ code: 'protocol', host: 'tokyo' });
  });

  it('does with an ssh that cannot say which key a host shows, as before 8.5', async () => {
    const { server, home } = await setUp({
      onConnection: (connection) =>
        connection.on('authentication', ({ method }) => method === 'none' || connection.end()),
    });
    const program = join(home, 'ssh');
    const script = '#!/bin/sh\ncase "$*" in *" -G "*) ssh "$@" | grep -v ^sessiontype ;; *) exec ssh "$@" ;; esac\n';
    writeFileSync(program, script, { mode: 0o755 });
    const transport = transportOf(home, { carrier: 'openssh', program });
    const open = (port = server.port) => transport.open('tokyo', targetOf(port), 'true');
    // Whether it was the key that it did not like is not known: it is not asked again.
    expect((await failureOf(open())).code).toBe('auth');
    expect(server.connections).toBe(1);
    const other = await startServer({ authorized: [userKey] });
    const refused = await failureOf(open(other.port));
    expect(refused).toMatchObject({ code: 'host-key', host: 'tokyo' });
    expect(refused.message).toContain('No ED25519 host key is known');
    const knownHosts = join(home, 'other');
    await (
      await transportOf(home, { carrier: 'openssh', program, acceptNew: true, knownHosts }).open(
        'a',
        targetOf(other.port),
        'x',
      )
    ).close();
    expect(readFileSync(knownHosts, 'utf8')).toBe(knownLine(other.port, other.hostKey));
  });

  it('gives up on an ssh that is made to write for ever', async () => {
    const { server, home } = await setUp();
    const program = join(home, 'ssh');
    const script =
      '#!/bin/sh\ncase "$*" in *" -G "*) exec ssh "$@" ;; esac\nwhile sleep 0.05; do echo banner >&2; done\n';
    writeFileSync(program, script, { mode: 0o755 });
    const transport = transportOf(home, { carrier: 'openssh', program, connectTimeoutMs: 300 });
    const error = await failureOf(transport.open('tokyo', targetOf(server.port), 'true'));
    expect(error.code).toBe('connect');
    expect(error.message).toContain('sent no SSH banner within 0.3 s');
  });

  it('says that there is no ssh program', async () => {
    const { open } = await setUp({}, { program: '/nowhere/ssh' });
    const error = await failureOf(open());
    expect(error.code).toBe('usage');
    expect(error.message).toContain('cannot start /nowhere/ssh');
    expect(error.hint).toContain('openssh-client');
  });
});
