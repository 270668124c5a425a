/** Real ssh2 servers and keys to test the transport against. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AddressInfo, ServerOpts, Server as TcpServer } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, {
  type AuthContext,
  type AuthenticationType,
  type Connection,
  type KexAlgorithm,
  type PublicKeyAuthContext,
  type ServerChannel,
} from 'ssh2';
import { onTestFinished } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import type { SshTarget } from '../../src/inventory/inventory.js';
import type { ConnectionOptions } from '../../src/ssh/merge-target.js';
import { createAutoTransport } from '../../src/ssh/auto-transport.js';
import { createOpenSshTransport } from '../../src/ssh/openssh-transport.js';
import { createSsh2Transport } from '../../src/ssh/ssh2-transport.js';
import { SshConfig } from '../../src/ssh/ssh-config.js';
import { SshRun, type SshRunOptions } from '../../src/ssh/ssh-run.js';
import { TargetResolver } from '../../src/ssh/target-resolver.js';
import type { RunTransport, Session } from '../../src/ssh/transport.js';

export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

export function makeKey(type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519', passphrase?: string): KeyPair {
  // The types tie each option to one kind of key; ssh2 ignores those that a kind does not have.
  const options = {
    ...(type === 'rsa' ? { bits: 2048 } : type === 'ecdsa' ? { bits: 256 } : {}),
    ...(passphrase === undefined ? {} : { passphrase, cipher: 'aes256-cbc', rounds: 4 }),
  } as { bits: 256; passphrase: string; cipher: string; rounds: number };
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync(type as 'ecdsa', options);
    // ssh2 now and then writes an ed25519 key that it cannot read back.
    if (!(ssh2.utils.parseKey(pair.private, passphrase) instanceof Error)) return pair;
  }
}

/** The key as it is on the wire. */
export function wireKey(pair: KeyPair): Buffer {
  const key = ssh2.utils.parseKey(pair.public);
  if (key instanceof Error) throw key;
  return key.getPublicSSH();
}

/** A home directory with `.ssh`, gone after the test. */
export function makeHome(files: Readonly<Record<string, string>> = {}): string {
  const home = mkdtempSync(join(tmpdir(), 'vxfleet-ssh-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, '.ssh', name), text, { mode: 0o600 });
  return home;
}

export interface ServerBehaviour {
  readonly hostKeys?: readonly KeyPair[];
  /** Public keys that may log in; default: any key. */
  readonly authorized?: readonly KeyPair[];
  /** A TCP connection came in: sshd's MaxStartups counts from here. */
  readonly onTcp?: () => void;
  /** The client has sent its banner. */
  readonly onConnection?: (connection: Connection) => void;
  /** Default: echoes stdin, exits 0 at EOF. */
  readonly onExec?: (channel: ServerChannel, command: string, connection: Connection) => void;
  readonly refuseChannel?: boolean;
  /** Takes this password, and no key unless `authorized` says so. */
  readonly password?: string;
  /** By which methods the password is taken; default `password`. */
  readonly passwordMethods?: readonly ('password' | 'keyboard-interactive')[];
  /** The key exchange algorithms that it has; default those of ssh2. */
  readonly kex?: readonly KexAlgorithm[];
  /** A jump host: opens connections for its clients. */
  readonly forwards?: boolean;
}

export interface TestServer {
  readonly port: number;
  readonly hostKey: KeyPair;
  /** SSH connections so far. */
  connections: number;
  /** Methods and keys that logins came with, in order. */
  readonly logins: string[];
  readonly commands: string[];
  /** Ports that clients were connected to. */
  readonly forwarded: number[];
}

export async function startServer(behaviour: ServerBehaviour = {}): Promise<TestServer> {
  const hostKeys = behaviour.hostKeys ?? [makeKey()];
  const allowed = behaviour.authorized?.map(wireKey);
  const state = {
    port: 0,
    hostKey: hostKeys[0] as KeyPair,
    connections: 0,
    logins: [] as string[],
    commands: [] as string[],
    forwarded: [] as number[],
  };
  const open = new Set<Connection>();
  const algorithms = behaviour.kex === undefined ? {} : { kex: [...behaviour.kex] };
  const server = new ssh2.Server({ hostKeys: hostKeys.map((pair) => pair.private), algorithms }, (connection) => {
    state.connections += 1;
    open.add(connection);
    connection.on('error', () => {});
    connection.on('close', () => open.delete(connection));
    connection.on('authentication', (context) => authenticate(context));
    connection.on('session', (accept, reject) => {
      if (behaviour.refuseChannel === true) return reject();
      accept().on('exec', (acceptExec, _reject, info) => {
        state.commands.push(info.command);
        const channel = acceptExec();
        channel.on('error', () => {});
        (behaviour.onExec ?? echo)(channel, info.command, connection);
      });
    });
    if (behaviour.forwards === true) connection.on('tcpip', forward);
    behaviour.onConnection?.(connection);
  });
  const forward = (
    accept: () => ServerChannel,
    reject: () => void,
    info: { destIP: string; destPort: number },
  ): void => {
    state.forwarded.push(info.destPort);
    const upstream = connect(info.destPort, info.destIP);
    upstream.once('error', () => reject());
    upstream.once('connect', () => {
      const channel = accept();
      channel.on('error', () => {});
      channel.on('close', () => upstream.destroy());
      upstream.on('close', () => channel.end());
      channel.pipe(upstream).pipe(channel);
    });
  };
  const passwordMethods = behaviour.password === undefined ? [] : (behaviour.passwordMethods ?? ['password']);
  const methods: AuthenticationType[] = ['publickey', ...passwordMethods];
  const authenticate = (context: AuthContext): void => {
    if (context.method !== 'publickey') {
      state.logins.push(context.method);
      return authenticateByPassword(context);
    }
    const isAllowed =
      allowed === undefined ? behaviour.password === undefined : allowed.some((key) => key.equals(context.key.data));
    if (context.signature === undefined || !isAllowed) state.logins.push(`publickey ${context.key.algo}`);
    if (!isAllowed) return context.reject(behaviour.password === undefined ? ['publickey', 'password'] : methods);
    context.accept();
  };
  const authenticateByPassword = (context: Exclude<AuthContext, PublicKeyAuthContext>): void => {
    const isTaken = passwordMethods.some((method) => method === context.method);
    const judge = (given: string | undefined): void =>
      given === behaviour.password ? context.accept() : context.reject(methods);
    if (isTaken && context.method === 'password') return judge(context.password);
    if (isTaken && context.method === 'keyboard-interactive')
      return context.prompt([{ prompt: 'Password: ', echo: false }], ([answer]) => judge(answer));
    context.reject(methods);
  };
  // A listener of ours, with noDelay: Nagle's algorithm at the server costs 40 ms an exchange.
  const listener = createServer({ noDelay: true }, (socket) => {
    behaviour.onTcp?.();
    server.injectSocket(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  state.port = (listener.address() as AddressInfo).port;
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        for (const connection of open) connection.end();
        listener.close(() => resolve());
      }),
  );
  return state;
}

function echo(channel: ServerChannel): void {
  channel.on('data', (chunk: Buffer) => channel.write(chunk));
  channel.on('end', () => {
    channel.exit(0);
    channel.end();
  });
}

/** A plain TCP server, for what no SSH server does. @param options with `allowHalfOpen` it hangs up only when it is told to */
export async function startTcpServer(
  onConnection: Parameters<typeof createServer>[1],
  options: ServerOpts = {},
): Promise<number> {
  const sockets = new Set<import('node:net').Socket>();
  const server: TcpServer = createServer(options, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection?.(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  );
  return (server.address() as AddressInfo).port;
}

export function targetOf(port: number, more: Partial<SshTarget> = {}): SshTarget {
  return {
    host: '127.0.0.1',
    port,
    user: 'root',
    isOfInventory: true,
    identityFile: undefined,
    proxyJump: undefined,
    ...more,
  };
}

/** The line that makes this server known. */
export function knownLine(port: number, pair: KeyPair): string {
  const key = wireKey(pair);
  const type = key.toString('latin1', 4, 4 + key.readUInt32BE(0));
  return `[127.0.0.1]:${port} ${type} ${key.toString('base64')}\n`;
}

export type TestTransportOptions = Partial<Omit<SshRunOptions, 'resolver'> & ConnectionOptions> & {
  /** SSH_AUTH_SOCK. */
  readonly agentSocket?: string;
  /** `-F`; without it no ssh_config is looked at. */
  readonly configFile?: string;
  /** What carries SSH; default `ssh2`. */
  readonly carrier?: Carrier;
  /** Whether `auto` finds an ssh program; default true. */
  readonly hasOpenSsh?: boolean;
  /** The ssh program. */
  readonly program?: string;
};

export type Carrier = 'auto' | 'ssh2' | 'openssh';

/** The transport under test, closed after it. */
export function transportOf(home: string, options: TestTransportOptions = {}): RunTransport {
  const {
    agentSocket,
    configFile,
    carrier = 'ssh2',
    hasOpenSsh = true,
    environment,
    knownHosts,
    acceptNew,
    connectTimeoutMs,
    keepaliveIntervalMs,
    program,
    ...rest
  } = options;
  const connection: ConnectionOptions = {
    home,
    environment: { SSH_AUTH_SOCK: agentSocket, ...environment },
    knownHosts,
    acceptNew,
    connectTimeoutMs,
    keepaliveIntervalMs,
  };
  const config = new SshConfig({ home, configFile: configFile ?? 'none', program });
  const run = new SshRun({ resolver: new TargetResolver(connection, config), retryDelayMs: 20, ...rest });
  const both = { ssh2: createSsh2Transport(run), openssh: createOpenSshTransport(run, config) };
  const auto = createAutoTransport(run, both.ssh2, both.openssh, () => hasOpenSsh);
  const transport = { auto, ...both }[carrier];
  onTestFinished(() => transport.close());
  return transport;
}

/** The error with which an opening fails. */
export async function failureOf(opening: Promise<Session>): Promise<VxfleetError> {
  const outcome = await opening.then(
    () => 'it succeeded',
    (thrown: unknown) => thrown,
  );
  if (!(outcome instanceof VxfleetError)) throw new Error(`no VxfleetError: ${String(outcome)}`);
  return outcome;
}

/** All output until the end. */
export async function outputOf(session: Session): Promise<string> {
  const chunks: Buffer[] = [];
  session.onData((chunk) => chunks.push(chunk));
  await session.ended;
  return Buffer.concat(chunks).toString();
}

export const hasAgent = ['ssh-agent', 'ssh-add'].every((name) => spawnSync(name, ['-?']).error === undefined);

/** The socket of an agent is there before anything listens at it; `ssh-add -l` exits with 2 until somebody does. */
export async function untilAgentAnswers(socket: string): Promise<void> {
  while (spawnSync('ssh-add', ['-l'], { env: { ...process.env, SSH_AUTH_SOCK: socket } }).status === 2) await sleep(5);
}

/** A real ssh-agent that holds these keys; ended by its pid after the test. */
export async function startAgent(home: string, ...keys: readonly { private: string }[]): Promise<string> {
  const socket = join(home, 'agent.sock');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  onTestFinished(() => void agent.kill());
  await untilAgentAnswers(socket);
  for (const key of keys) {
    const file = join(home, 'to-add');
    writeFileSync(file, key.private, { mode: 0o600 });
    execFileSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'pipe' });
  }
  return socket;
}
