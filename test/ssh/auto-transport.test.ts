import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
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
  const configFile = join(home, 'config');
  writeFileSync(configFile, 'Host *\n  KexAlgorithms +diffie-hellman-group14-sha1\n');
  const notices: string[] = [];
  const traces: string[] = [];
  const transport = transportOf(home, {
    carrier: 'auto',
    configFile,
    onNotice: (notice) => notices.push(notice),
    onTrace: (trace) => traces.push(trace),
    ...options,
  });
  const open = (name = 'tokyo') => transport.open(name, targetOf(server.port), 'true');
  return { server, home, notices, traces, transport, open };
}

/** A key exchange that ssh2 does not offer, and OpenSSH does when its config says so. */
const ONLY_OPENSSH: ServerBehaviour = { kex: ['diffie-hellman-group14-sha1'] };

describe.skipIf(!hasSsh)('the transport auto', () => {
  it('is ssh2 where that will do', async () => {
    const { notices, traces, open } = await setUp();
    await (await open()).close();
    expect(traces.filter((trace) => trace.includes('transport: openssh'))).toEqual([]);
    expect(notices).toEqual([]);
  });

  it('goes over openssh when ssh2 and the host have no key exchange in common, says so once, and remembers it', async () => {
    const { server, notices, open } = await setUp(ONLY_OPENSSH);
    await (await open()).close();
    await (await open()).close();
    expect(notices).toEqual([
      'tokyo: goes over openssh, because ssh2 and the host have nothing in common: no matching key exchange algorithm',
    ]);
    // One attempt of ssh2's, and two connections.
    expect(server.connections).toBe(3);
  });

  it('says what is wrong when there is no ssh program', async () => {
    const { server, open } = await setUp(ONLY_OPENSSH, { hasOpenSsh: false });
    const error = await failureOf(open());
    expect(error.code).toBe('protocol');
    expect(error.message).toContain('no matching key exchange algorithm');
    expect(server.connections).toBe(1);
  });

  it('does not go over openssh for a refused login or a host key that is not known', async () => {
    const refused = await setUp({ authorized: [] });
    expect((await failureOf(refused.open())).code).toBe('auth');
    expect(refused.server.connections).toBe(1);
    const unknown = await setUp();
    writeFileSync(join(unknown.home, '.ssh/known_hosts'), '');
    expect((await failureOf(unknown.open())).code).toBe('host-key');
    expect(unknown.server.connections).toBe(1);
  });

  it('goes over openssh for a jump host that ssh2 cannot talk to', async () => {
    const { server: jump, home, notices, transport } = await setUp({ ...ONLY_OPENSSH, forwards: true });
    const inner = await startServer({ authorized: [userKey], ...ONLY_OPENSSH });
    const lines = [jump, inner].map(({ port, hostKey }) => knownLine(port, hostKey));
    writeFileSync(join(home, '.ssh/known_hosts'), lines.join(''));
    const target = targetOf(inner.port, { proxyJump: [targetOf(jump.port)] });
    await (await transport.open('tokyo', target, 'true')).close();
    expect(notices).toHaveLength(1);
    expect(jump.forwarded).toEqual([inner.port]);
  });

  // That hosts take the certificate is shown in test/lab/openssh.test.ts: ssh2's server knows none.
  it('goes over openssh from the start for a certificate beside a key', async () => {
    const { home, traces, open } = await setUp();
    const run = (...argv: string[]) => expect(spawnSync('ssh-keygen', argv).status).toBe(0);
    run('-q', '-t', 'ed25519', '-N', '', '-f', join(home, 'ca'));
    writeFileSync(join(home, '.ssh/id_ed25519.pub'), userKey.public);
    run('-q', '-s', join(home, 'ca'), '-I', 'operator', '-n', 'root', join(home, '.ssh/id_ed25519.pub'));
    await (await open()).close();
    const certificate = join(home, '.ssh/id_ed25519-cert.pub');
    expect(traces).toContain(`tokyo: transport: openssh, for the certificate ${certificate}`);
  });

  it('goes over openssh from the start for a security key', async () => {
    const { home, traces, open } = await setUp();
    const string = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
    const blob = Buffer.concat([string('sk-ssh-ed25519@openssh.com'), string('x'.repeat(32)), string('ssh:')]);
    const line = `sk-ssh-ed25519@openssh.com ${blob.toString('base64')} me\n`;
    writeFileSync(join(home, '.ssh/id_ed25519_sk.pub'), line);
    await (await open()).close();
    const key = join(home, '.ssh/id_ed25519_sk');
    expect(traces).toContain(`tokyo: transport: openssh, for the key ${key} of type sk-ssh-ed25519@openssh.com`);
  });

  it('goes over openssh from the start for a host that is known by an authority alone', async () => {
    const { server, home, traces, transport } = await setUp();
    const knownHosts = join(home, '.ssh/known_hosts');
    const target = targetOf(server.port);
    const authority = `@cert-authority ${knownLine(server.port, makeKey())}`;
    writeFileSync(knownHosts, authority + knownLine(server.port, server.hostKey));
    await (await transport.open('tokyo', target, 'true')).close();
    expect(traces.filter((trace) => trace.includes('transport: openssh'))).toEqual([]);

    const other = await setUp();
    writeFileSync(join(other.home, '.ssh/known_hosts'), `@cert-authority ${knownLine(other.server.port, makeKey())}`);
    // ssh2's server has no certificate to show.
    expect((await failureOf(other.open())).code).toBe('host-key');
    const line = join(other.home, '.ssh/known_hosts:1');
    expect(other.traces).toContain(`tokyo: transport: openssh, for the @cert-authority of ${line}`);
  });

  it.each([
    ['goes over openssh with a Kerberos ticket and no key', 'GSSAPIAuthentication yes\nPort 22\n', true],
    ['does not where ssh_config forbids it', 'GSSAPIAuthentication no\nPort 22\n', false],
  ])('%s', async (_title, config, isTaken) => {
    const { server, home } = await setUp();
    rmSync(join(home, '.ssh/id_ed25519'));
    vi.stubEnv('KRB5CCNAME', join(home, 'ticket'));
    onTestFinished(() => void vi.unstubAllEnvs());
    const configFile = join(home, 'config');
    writeFileSync(configFile, config);
    const traces: string[] = [];
    const transport = transportOf(home, { carrier: 'auto', configFile, onTrace: (trace) => traces.push(trace) });
    expect((await failureOf(transport.open('tokyo', targetOf(server.port), 'true'))).code).toBe('auth');
    expect(traces.some((trace) => trace.includes('openssh, for the Kerberos ticket'))).toBe(isTaken);
    expect(server.connections).toBe(isTaken ? 1 : 0);
  });
});
