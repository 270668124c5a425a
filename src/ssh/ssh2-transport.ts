/** Transport over ssh2: one connection and one exec a host. */
import pLimit, { type LimitFunction } from 'p-limit';
import type { Client } from 'ssh2';
import type { SshTarget } from '../inventory/inventory.js';
import { listAgentKeys, type AgentContents } from './agent-keys.js';
import { awaitBanner } from './await-banner.js';
import { startProgram } from './channel-session.js';
import { dial } from './dial.js';
import { handshake, type HandshakeOptions } from './handshake.js';
import { KeyRing, type AskPassphrase } from './key-file.js';
import { knownHostsFiles, KnownHostsStore } from './known-hosts-store.js';
import { Login } from './login.js';
import { planLogin } from './login-plan.js';
import { retryConnect } from './retry-connect.js';
import type { Session, Transport } from './transport.js';

export interface Ssh2TransportOptions {
  /** The user's home directory: its `.ssh` holds known_hosts and the default keys. */
  readonly home: string;
  /** Files to read, see knownHostsFiles(); new keys go to the first. Default: the user's and the system's. */
  readonly knownHosts?: readonly string[] | undefined;
  /** `--accept-new`: trusts and records the keys of hosts that no line names. A changed key is refused all the same. */
  readonly acceptNew?: boolean | undefined;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket?: string | undefined;
  /** Asked at most once a key file; hosts share the answer. Without it encrypted keys need an agent. */
  readonly askPassphrase?: AskPassphrase | undefined;
  /** For TCP; default 10 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** For the banner, for key exchange and login, and for the start of the command, each; default 20 s: sshd may look up names first. */
  readonly readyTimeoutMs?: number | undefined;
  /** Default 5 s; three unanswered ones end the connection. */
  readonly keepaliveIntervalMs?: number | undefined;
  /** Handshakes at once; default 8: one costs 8 ms of CPU here, and sshd drops newcomers from 10 (MaxStartups). */
  readonly maxHandshakes?: number | undefined;
  /** Further attempts for a connection that never stood; default 3. */
  readonly retries?: number | undefined;
  /** First pause between attempts, doubled each time, with jitter; default 250 ms. */
  readonly retryDelayMs?: number | undefined;
  /** Things a person should see: a newly accepted host key. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** Details for `-v`. */
  readonly onTrace?: ((message: string) => void) | undefined;
}

const KEEPALIVE_COUNT_MAX = 3;

/** State that all connections of a run share: known hosts, keys, the agent's list, the bounds. */
export function createSsh2Transport(options: Ssh2TransportOptions): Transport {
  const { home, agentSocket, connectTimeoutMs = 10_000, readyTimeoutMs = 20_000, maxHandshakes = 8 } = options;
  const onTrace = options.onTrace ?? (() => {});
  const keyRing = new KeyRing(options.askPassphrase);
  const handshakeOptions: HandshakeOptions = {
    knownHosts: new KnownHostsStore(options.knownHosts ?? knownHostsFiles(home), onTrace),
    acceptNew: options.acceptNew ?? false,
    readyTimeoutMs,
    keepaliveIntervalMs: options.keepaliveIntervalMs ?? 5000,
    keepaliveCountMax: KEEPALIVE_COUNT_MAX,
    onNotice: options.onNotice ?? (() => {}),
    onTrace,
  };
  let agent: Promise<AgentContents> | undefined;
  const agentContents = (): Promise<AgentContents> =>
    (agent ??= agentSocket === undefined ? Promise.resolve({ keys: [], notes: [] }) : listAgentKeys(agentSocket));

  // Two bounds: an sshd counts connections from TCP on (MaxStartups), our CPU handshakes only. A dead host never holds one of ours.
  const limitHandshake = pLimit(maxHandshakes);
  const limitByServer = new Map<string, LimitFunction>();
  const limitServer = (target: SshTarget): LimitFunction => {
    const server = `${target.host} ${target.port}`;
    const limit = limitByServer.get(server) ?? pLimit(maxHandshakes);
    limitByServer.set(server, limit);
    return limit;
  };

  async function openOnce(host: string, target: SshTarget, command: string): Promise<Session> {
    const plan = await planLogin(host, target, { home, agentSocket, agent: await agentContents(), keyRing });
    const login = new Login(plan);
    if (!(await login.prepareFirst())) throw login.refusal(host, target);
    const { client, socket } = await limitServer(target)(async () => {
      const socket = await dial(host, target, connectTimeoutMs);
      await awaitBanner(socket, host, target, readyTimeoutMs);
      const client: Client = await limitHandshake(() => handshake(socket, host, target, login, handshakeOptions));
      return { client, socket };
    });
    return startProgram(client, socket, host, target, command, readyTimeoutMs);
  }

  return {
    open: (host, target, command) =>
      retryConnect(() => openOnce(host, target, command), {
        retries: options.retries ?? 3,
        baseDelayMs: options.retryDelayMs ?? 250,
        onRetry: (message, delayMs) => onTrace(`${host}: ${message}; again in ${delayMs} ms`),
      }),
  };
}
