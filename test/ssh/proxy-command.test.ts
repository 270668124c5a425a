import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProxyCommand } from '../../src/ssh/link.js';
import {
  failureOf,
  knownLine,
  makeHome,
  makeKey,
  outputOf,
  startServer,
  targetOf,
  transportOf,
  type TestTransportOptions,
} from './ssh-test-server.js';

const userKey = makeKey();
const hasSsh = spawnSync('ssh', ['-V']).error === undefined;

/** Both ways between stdio and a port, as netcat does it: `node relay.cjs HOST PORT`. */
const RELAY = `
const socket = require('net').connect(Number(process.argv[3]), process.argv[2]);
process.stdin.pipe(socket).pipe(process.stdout);
socket.on('error', (error) => { console.error('relay: ' + error.code); process.exit(7); });
`;

async function setUp(proxyCommand: (relay: string, home: string) => string, options: TestTransportOptions = {}) {
  const server = await startServer({ authorized: [userKey] });
  const home = makeHome({ id_ed25519: userKey.private, known_hosts: knownLine(server.port, server.hostKey) });
  const relay = join(home, 'relay.cjs');
  const configFile = join(home, 'config');
  writeFileSync(relay, RELAY);
  writeFileSync(configFile, `Host *\n  ProxyCommand ${proxyCommand(`${process.execPath} ${relay}`, home)}\n`);
  const transport = transportOf(home, { configFile, retries: 0, ...options });
  return { server, home, transport, open: () => transport.open('tokyo', targetOf(server.port), 'true') };
}

describe.skipIf(!hasSsh)('a ProxyCommand', () => {
  it('is the way to the host, both ways and to the last byte', async () => {
    const { open } = await setUp((relay) => `${relay} %h %p`);
    const session = await open();
    const output = outputOf(session);
    const sent = 'x'.repeat(2_000_000);
    session.write(sent);
    await session.close();
    expect((await output) === sent).toBe(true);
    expect(await session.ended).toMatchObject({ exitCode: 0, lost: null });
  });

  it('is told to end when the session is over', async () => {
    const { home, open } = await setUp((relay, at) => `sh -c 'echo $$ >${at}/pid; exec ${relay} %h %p'`);
    const session = await open();
    const pid = Number(readFileSync(join(home, 'pid'), 'utf8'));
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    session.destroy();
    await session.ended;
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  });

  it.each([
    [
      'fails',
      "sh -c 'echo secret-free words >&2; exit 3' word",
      'the ProxyCommand sh ended with status 3: secret-free words',
    ],
    ['is killed', "sh -c 'kill -9 $$'", 'the ProxyCommand sh ended with SIGKILL'],
    ['is not there', '/nowhere/relay --password=abc', 'the ProxyCommand /nowhere/relay ended with status 127'],
  ])('that %s is reported by its first word and its last ones', async (_title, command, reason) => {
    const { server, open } = await setUp(() => command);
    const error = await failureOf(open());
    expect(error).toMatchObject({ code: 'connect', host: 'tokyo' });
    expect(error.message).toContain(`127.0.0.1 port ${server.port} was lost before it said anything`);
    expect(error.message).toContain(reason);
    expect(error.message).not.toContain('password=abc');
    expect(server.connections).toBe(0);
  });

  it('that cannot reach the host says so itself', async () => {
    const { transport } = await setUp((relay) => `${relay} %h %p`);
    const error = await failureOf(transport.open('tokyo', targetOf(1), 'true'));
    expect(error.message).toContain('ended with status 7: relay: ECONNREFUSED');
  });

  it('that says nothing is given up', async () => {
    const { open } = await setUp(() => 'sleep 60', { connectTimeoutMs: 200, leastBannerMs: 0 });
    expect((await failureOf(open())).message).toContain('sent no SSH banner within 0.2 s');
  });

  it('that dies in the middle of a session is the reason for the loss', async () => {
    const { home, open } = await setUp((relay, at) => `sh -c 'echo $$ >${at}/pid; exec ${relay} %h %p'`);
    const session = await open();
    process.kill(Number(readFileSync(join(home, 'pid'), 'utf8')), 'SIGKILL');
    expect((await session.ended).lost).toMatch(/^the ProxyCommand sh ended with SIGKILL/);
  });
});

it('a ProxyCommand is run by the shell of the user, out of reach of Ctrl-C', async () => {
  const home = makeHome();
  const shell = join(home, 'shell');
  writeFileSync(shell, `#!/bin/sh\necho "$@" >${home}/argv\nexec /bin/sh "$@"\n`, { mode: 0o755 });
  const link = runProxyCommand('ps -o pgid= -p $$', { ...process.env, SHELL: shell });
  const chunks: Buffer[] = [];
  link.stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => link.stream.once('close', resolve));
  expect(readFileSync(join(home, 'argv'), 'utf8')).toBe('-c exec ps -o pgid= -p $$\n');
  const ours = spawnSync('ps', ['-o', 'pgid=', '-p', String(process.pid)], { encoding: 'utf8' }).stdout.trim();
  expect(Buffer.concat(chunks).toString().trim()).not.toBe(ours);
  expect(link.endReason()).toBe('the ProxyCommand ps ended with status 0');
});
