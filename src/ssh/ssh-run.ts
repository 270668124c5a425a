/** What all connections of a run share, whichever transport carries them: known hosts, keys, agents, the bounds, who is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { isRetryable, toVxfleetError, VxfleetError } from '../errors.js';
import { listAgentKeys, NO_AGENT, type AgentContents } from './agent-keys.js';
import { describeRoute } from './describe-target.js';
import { placeKey, placeOf, type EffectiveTarget } from './effective-target.js';
import type { Listeners } from './host-key-check.js';
import { KeyRing, type AskPassphrase } from './key-file.js';
import { KnownHostsStore } from './known-hosts-store.js';
import { planLogin, type LoginPlan } from './login-plan.js';
import type { TargetResolver } from './target-resolver.js';
import { isSilence } from './timeouts.js';

export interface SshRunOptions extends Partial<Listeners> {
  /** Says what each target's settings are. */
  readonly resolver: TargetResolver;
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
}

const MAX_HANDSHAKES = 8;

export class SshRun {
  readonly resolver: TargetResolver;
  readonly keyRing: KeyRing;
  readonly readyTimeoutMs: number;
  readonly leastBannerMs: number | undefined;
  readonly listeners: Listeners;
  readonly #options: SshRunOptions;
  readonly #agents = new Map<string, Promise<AgentContents>>();
  readonly #knownHosts = new Map<string, KnownHostsStore>();
  readonly #handshakes: LimitFunction;
  readonly #places = new Map<string, LimitFunction>();
  #isLaxnessTold = false;

  constructor(options: SshRunOptions) {
    const {
      onNotice = () => {},
      onTrace = () => {},
      maxHandshakes = MAX_HANDSHAKES,
      readyTimeoutMs = 20_000,
    } = options;
    this.#options = options;
    this.resolver = options.resolver;
    this.keyRing = new KeyRing(options.askPassphrase);
    this.readyTimeoutMs = readyTimeoutMs;
    this.leastBannerMs = options.leastBannerMs;
    this.listeners = { onNotice, onTrace };
    this.#handshakes = pLimit(maxHandshakes);
  }

  /** What a login there would try. Rejects with code `auth` when there is nothing. */
  async planLogin(name: string, target: EffectiveTarget): Promise<LoginPlan> {
    const { password } = this.#options;
    return await planLogin(name, target, { agent: await this.agentOf(target), keyRing: this.keyRing, password });
  }

  agentOf({ agentSocket }: EffectiveTarget): Promise<AgentContents> {
    if (agentSocket === undefined) return Promise.resolve(NO_AGENT);
    return remember(this.#agents, agentSocket, () => listAgentKeys(agentSocket));
  }

  knownHostsOf({ userKnownHostsFiles, globalKnownHostsFiles }: EffectiveTarget): KnownHostsStore {
    const key = JSON.stringify([userKnownHostsFiles, globalKnownHostsFiles]);
    const { onTrace } = this.listeners;
    return remember(
      this.#knownHosts,
      key,
      () => new KnownHostsStore(userKnownHostsFiles, globalKnownHostsFiles, onTrace),
    );
  }

  /**
   * Repeats an attempt whose connection never stood. A refused login or host key is never repeated, nor a host that stayed silent for a whole timeout,
   * nor what was repeated already (a jump host's failure, which is the cause of that of the hosts behind it).
   */
  async retry<T>(name: string, attempt: () => Promise<T>): Promise<T> {
    const { retries = 3, retryDelayMs = 250 } = this.#options;
    for (let failures = 0; ; failures += 1) {
      try {
        return await attempt();
      } catch (thrown) {
        const error = toVxfleetError(thrown);
        const isFinal = !isRetryable(error.code) || isSilence(error) || error.cause instanceof VxfleetError;
        if (failures >= retries || isFinal) throw error;
        // 50 % to 150 %: clients that a busy sshd dropped together must not come back together.
        const delayMs = Math.round(retryDelayMs * 2 ** failures * (0.5 + Math.random()));
        this.listeners.onTrace(`${name}: ${error.message}; again in ${delayMs} ms`);
        await sleep(delayMs);
      }
    }
  }

  /** Work that one place's sshd counts as a connection that is not logged in yet (MaxStartups): so many at once. */
  async atPlace<T>(target: EffectiveTarget, work: () => Promise<T>): Promise<T> {
    return await remember(this.#places, placeKey(target), () => pLimit(this.#options.maxHandshakes ?? MAX_HANDSHAKES))(
      work,
    );
  }

  /** Work that keeps our CPU busy, wherever it leads: so much at once. */
  async handshake<T>(work: () => Promise<T>): Promise<T> {
    return await this.#handshakes(work);
  }

  /** Tells how a host is reached: in a trace, and once that a setting is not honoured. */
  tell(host: string, target: EffectiveTarget): void {
    const { onNotice, onTrace } = this.listeners;
    onTrace(`${host}: resolve: ${target.alias} is ${target.user}@${placeOf(target)}${describeRoute(target)}`);
    if (target.strictHostKeyChecking !== 'no' || this.#isLaxnessTold) return;
    this.#isLaxnessTold = true;
    onNotice(
      'StrictHostKeyChecking no of ssh_config is taken for accept-new: new host keys are recorded, changed ones refused',
    );
  }
}

function remember<T>(memory: Map<string, T>, key: string, make: () => T): T {
  const made = memory.get(key) ?? make();
  memory.set(key, made);
  return made;
}
