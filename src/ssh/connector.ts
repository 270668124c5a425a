/** Connections over ssh2 that are logged in, and what all of a run share: known hosts, keys, agents, jump hosts, the bounds. */
import pLimit, { type LimitFunction } from 'p-limit';
import { listAgentKeys, NO_AGENT, type AgentContents } from './agent-keys.js';
import { awaitBanner, bannerTimeoutMs } from './await-banner.js';
import { describeRoute } from './describe-target.js';
import { dial } from './dial.js';
import { connectionKey, placeOf, type EffectiveTarget } from './effective-target.js';
import { handshake } from './handshake.js';
import { HostKeyCheck, type Listeners } from './host-key-check.js';
import { forward, JumpHosts } from './jump-hosts.js';
import { KeyRing, type AskPassphrase } from './key-file.js';
import { KnownHostsStore } from './known-hosts-store.js';
import type { Connection, Link } from './link.js';
import { Login } from './login.js';
import { planLogin, type LoginPlan } from './login-plan.js';
import { runProxyCommand } from './proxy-command.js';
import { retryConnect } from './retry-connect.js';

export interface ConnectorOptions {
  /** Asked at most once a key file; hosts share the answer. Without it encrypted keys need an agent. */
  readonly askPassphrase?: AskPassphrase | undefined;
  /** Of `--ask-pass`: shown to hosts that the inventory names, after every key. */
  readonly password?: string | undefined;
  /** The least for which the banner is waited, where the connect timeout is shorter; default 10 s. */
  readonly leastBannerMs?: number | undefined;
  /** For key exchange and login, and for the start of the command, each; default 20 s: sshd may look up names first. */
  readonly readyTimeoutMs?: number | undefined;
  /** Handshakes at once; default 8: one costs 8 ms of CPU here, and sshd drops newcomers from 10 (MaxStartups). */
  readonly maxHandshakes?: number | undefined;
  /** Further attempts for a connection that never stood; default 3. */
  readonly retries?: number | undefined;
  /** First pause between attempts, doubled each time, with jitter; default 250 ms. */
  readonly retryDelayMs?: number | undefined;
  readonly onNotice?: Listeners['onNotice'] | undefined;
  readonly onTrace?: Listeners['onTrace'] | undefined;
}

export const READY_TIMEOUT_MS = 20_000;
const MAX_HANDSHAKES = 8;

export class Connector {
  readonly #options: ConnectorOptions;
  readonly #listeners: Listeners;
  readonly #keyRing: KeyRing;
  readonly #agents = new Map<string, Promise<AgentContents>>();
  readonly #knownHosts = new Map<string, KnownHostsStore>();
  readonly #jumpHosts = new JumpHosts((name, target) => this.connect(name, target));
  // Two bounds: an sshd (a jump host's too) counts connections from TCP on (MaxStartups), our CPU handshakes only, wherever they lead. A dead host
  // never holds one of the latter.
  readonly #limitHandshake: LimitFunction;
  readonly #limits = new Map<string, LimitFunction>();

  constructor(options: ConnectorOptions) {
    const { onNotice = () => {}, onTrace = () => {}, maxHandshakes = MAX_HANDSHAKES } = options;
    this.#options = options;
    this.#listeners = { onNotice, onTrace };
    this.#keyRing = new KeyRing(options.askPassphrase);
    this.#limitHandshake = pLimit(maxHandshakes);
  }

  /** What a login there would try. Rejects with code `auth` when there is nothing. */
  async planLogin(name: string, target: EffectiveTarget): Promise<LoginPlan> {
    const { password } = this.#options;
    return await planLogin(name, target, { agent: await this.#agentOf(target), keyRing: this.#keyRing, password });
  }

  /** @param name for messages. Rejects with connect (after its retries), host-key, auth or protocol. */
  async connect(name: string, target: EffectiveTarget): Promise<Connection> {
    return await this.retry(name, () => this.connectOnce(name, target));
  }

  /** Repeats what failed with `connect`. */
  async retry<T>(name: string, attempt: () => Promise<T>): Promise<T> {
    return await retryConnect(attempt, {
      retries: this.#options.retries ?? 3,
      baseDelayMs: this.#options.retryDelayMs ?? 250,
      onRetry: (message, delayMs) => this.#listeners.onTrace(`${name}: ${message}; again in ${delayMs} ms`),
    });
  }

  /** One attempt. */
  async connectOnce(name: string, target: EffectiveTarget): Promise<Connection> {
    const login = new Login(await this.planLogin(name, target));
    if (!(await login.prepareFirst())) throw login.refusal(name, target);
    return await this.#limitOf(target)(async () => {
      const link = await this.#openLink(name, target);
      const bannerMs = bannerTimeoutMs(target, this.#options.leastBannerMs);
      const hasSpoken = await awaitBanner(link.stream, name, target, bannerMs);
      const check = new HostKeyCheck(name, target, this.#knownHostsOf(target), this.#listeners);
      const options = { check, hasSpoken, readyTimeoutMs: this.#readyTimeoutMs, onTrace: this.#listeners.onTrace };
      const client = await this.#limitHandshake(() => handshake(link, name, target, login, options));
      return { client, link };
    });
  }

  /** Hangs up on the jump hosts. */
  async close(): Promise<void> {
    await this.#jumpHosts.close();
  }

  async #openLink(name: string, target: EffectiveTarget): Promise<Link> {
    const started = performance.now();
    const link = await this.#dial(name, target);
    const tookMs = Math.round(performance.now() - started);
    this.#listeners.onTrace(`${name}: connect: ${placeOf(target)}${describeRoute(target)} (${tookMs} ms)`);
    return link;
  }

  async #dial(name: string, target: EffectiveTarget): Promise<Link> {
    const { route } = target;
    switch (route.kind) {
      case 'direct':
        return await dial(name, target);
      case 'jump':
        return await forward(name, await this.#jumpHosts.reach(route.through), route.through, target);
      case 'command':
        return runProxyCommand(route.command);
    }
  }

  #limitOf(target: EffectiveTarget): LimitFunction {
    const key = connectionKey(target);
    const limit = this.#limits.get(key) ?? pLimit(this.#options.maxHandshakes ?? MAX_HANDSHAKES);
    this.#limits.set(key, limit);
    return limit;
  }

  #knownHostsOf({ userKnownHostsFiles, globalKnownHostsFiles }: EffectiveTarget): KnownHostsStore {
    const key = JSON.stringify([userKnownHostsFiles, globalKnownHostsFiles]);
    const { onTrace } = this.#listeners;
    const store = this.#knownHosts.get(key) ?? new KnownHostsStore(userKnownHostsFiles, globalKnownHostsFiles, onTrace);
    this.#knownHosts.set(key, store);
    return store;
  }

  #agentOf({ agentSocket }: EffectiveTarget): Promise<AgentContents> {
    if (agentSocket === undefined) return Promise.resolve(NO_AGENT);
    const contents = this.#agents.get(agentSocket) ?? listAgentKeys(agentSocket);
    this.#agents.set(agentSocket, contents);
    return contents;
  }

  get #readyTimeoutMs(): number {
    return this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS;
  }
}
