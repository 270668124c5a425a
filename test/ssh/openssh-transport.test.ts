/** What only the transport openssh does; what it has in common with ssh2 is in transports.test.ts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  failureOf,
  knownLine,
  makeHome,
  makeKey,
  startServer,
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

  it('keeps its files from others, and removes them', async () => {
    // Other tests' files come and go in the machine's own.
    const directory = mkdtempSync('/tmp/vxfleet-tmp-');
    onTestFinished(() => rmSync(directory, { recursive: true }));
    vi.stubEnv('TMPDIR', directory);
    onTestFinished(() => void vi.unstubAllEnvs());
    const workspaces = (): string[] =>
      readdirSync(directory)
        .map((name) => join(directory, name))
        .filter((path) => existsSync(join(path, '2.conf')) || existsSync(join(path, '1.conf')));
    const { transport, open } = await setUp();
    const session = await open();
    const [mine = ''] = workspaces();
    expect(statSync(mine).mode & 0o777).toBe(0o700);
    await session.close();
    await transport.close();
    expect(workspaces()).toEqual([]);
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

  it('says that there is no ssh program', async () => {
    const { open } = await setUp({}, { program: '/nowhere/ssh' });
    const error = await failureOf(open());
    expect(error.code).toBe('usage');
    expect(error.message).toContain('cannot start /nowhere/ssh');
    expect(error.hint).toContain('openssh-client');
  });
});
