/** Transport over the system's `ssh`: one process a host, for what ssh2 cannot do (docs/ssh.md, "The second transport"). */
import { existsSync, readFileSync } from 'node:fs';
import pLimit, { type LimitFunction } from 'p-limit';
import { setTimeout as sleep } from 'node:timers/promises';
import { VxfleetError } from '../errors.js';
import { READY_TIMEOUT_MS, type ConnectorOptions } from './connector.js';
import { describeRoute } from './describe-target.js';
import { connectionKey, placeOf, type EffectiveTarget } from './effective-target.js';
import { HostKeyCheck, type Listeners } from './host-key-check.js';
import { parseKnownHosts } from './known-hosts.js';
import { KnownHostsStore } from './known-hosts-store.js';
import { opensshConfigText } from './openssh-config-text.js';
import type { OpenSshKeys } from './openssh-keys.js';
import type { OpenSshLog, Stage } from './openssh-log.js';
import { OpenSshMasters, throughMaster, type Master } from './openssh-masters.js';
import { startOpenSsh, type OpenSshProcess } from './openssh-process.js';
import { OpenSshSession } from './openssh-session.js';
import { OpenSshWorkspace } from './openssh-workspace.js';
import { retryConnect } from './retry-connect.js';
import type { TargetResolver } from './target-resolver.js';
import { TargetTeller } from './target-teller.js';
import type { RunTransport } from './transport.js';

export interface OpenSshTransportOptions extends Omit<ConnectorOptions, 'askPassphrase' | 'password'> {
  /** Says what each target's settings are. */
  readonly resolver: TargetResolver;
  readonly keys: OpenSshKeys;
  /** Default `ssh`. */
  readonly program?: string | undefined;
}

const MAX_HANDSHAKES = 8;
/** A process that waits for longer than this for its host uses no CPU meanwhile, and must not hold up the others. */
const BUSY_MS = 1000;

export function createOpenSshTransport(options: OpenSshTransportOptions): RunTransport {
  const processes = new OpenSshProcesses(options);
  const teller = new TargetTeller(options);
  return {
    // Nobody can be asked over this transport.
    async prepare() {},

    async open(host, inventoryTarget, command) {
      const target = await options.resolver.resolve(inventoryTarget);
      teller.tell(host, target);
      return new OpenSshSession(host, await processes.run(host, target, command));
    },

    async close() {
      await processes.close();
      await options.resolver.close();
    },
  };
}

/** The processes of a run, and what they share. */
class OpenSshProcesses {
  readonly #options: OpenSshTransportOptions;
  readonly #listeners: Listeners;
  readonly #program: string;
  #workspace: OpenSshWorkspace | undefined;
  readonly #knownHosts = new Map<string, KnownHostsStore>();
  readonly #masters = new OpenSshMasters((name, target) => this.#retry(name, () => this.#startMaster(name, target)));
  // As over ssh2: an sshd counts connections that are not logged in (MaxStartups), our CPU counts handshakes, wherever they lead.
  readonly #limitCpu: LimitFunction;
  readonly #limits = new Map<string, LimitFunction>();

  constructor(options: OpenSshTransportOptions) {
    this.#options = options;
    const { onNotice = () => {}, onTrace = () => {} } = options;
    this.#listeners = { onNotice, onTrace };
    this.#program = options.program ?? 'ssh';
    this.#limitCpu = pLimit(options.maxHandshakes ?? MAX_HANDSHAKES);
  }

  /** Starts a command on a host over a new connection. */
  async run(host: string, target: EffectiveTarget, command: string): Promise<OpenSshProcess> {
    return await this.#retry(host, async () => this.#start(host, target, 'running', ['-T'], command));
  }

  async close(): Promise<void> {
    await this.#masters.close();
    this.#workspace?.remove();
    this.#workspace = undefined;
  }

  async #retry<T>(name: string, attempt: () => Promise<T>): Promise<T> {
    return await retryConnect(attempt, {
      retries: this.#options.retries ?? 3,
      baseDelayMs: this.#options.retryDelayMs ?? 250,
      onRetry: (message, delayMs) => this.#trace(`${name}: ${message}; again in ${delayMs} ms`),
    });
  }

  async #startMaster(name: string, target: EffectiveTarget): Promise<Master> {
    const socket = this.#space.newPath('sock');
    // What is said on the command line comes before the file.
    const argv = ['-N', '-o', 'ControlMaster=yes', '-o', `ControlPath=${socket}`];
    const process = await this.#start(name, target, 'in session', argv);
    return { process, socket };
  }

  async #start(
    name: string,
    target: EffectiveTarget,
    goal: Stage,
    words: readonly string[],
    ...remote: readonly string[]
  ): Promise<OpenSshProcess> {
    const knownHosts = this.#knownHostsOf(target);
    // A file that cannot be read might hold a revocation; ssh would pass over it.
    knownHosts.entries();
    await this.#options.keys.checkIdentity(name, target);
    const notes = await this.#options.keys.notesOf(target);
    const { route } = target;
    const master = route.kind === 'jump' ? await this.#masters.reach(route.through) : undefined;
    const command = route.kind === 'command' ? route.command : undefined;
    const proxyCommand = master === undefined ? command : throughMaster(this.#program, master, target);
    const newKeysFile = this.#space.newPath('keys');
    const config = this.#space.writeConfig(opensshConfigText(target, { proxyCommand, newKeysFile }));
    const check = new HostKeyCheck(name, target, knownHosts, this.#listeners);
    return await this.#bounded(target, () =>
      startOpenSsh(name, target, {
        workspace: this.#space,
        // Read anew: what others have recorded meanwhile is in it.
        knownHosts: () => new KnownHostsStore(target.userKnownHostsFiles, target.globalKnownHostsFiles),
        master: master?.process.log,
        notes,
        program: this.#program,
        argv: ['-F', config, ...words, '--', target.alias, ...remote],
        goal,
        leastBannerMs: this.#options.leastBannerMs,
        readyTimeoutMs: this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS,
        onStage: this.#stageTeller(name, target, () => recordNewKey(check, newKeysFile)),
      }),
    );
  }

  async #bounded<T>(target: EffectiveTarget, start: () => Promise<T>): Promise<T> {
    const key = connectionKey(target);
    const limit = this.#limits.get(key) ?? pLimit(this.#options.maxHandshakes ?? MAX_HANDSHAKES);
    this.#limits.set(key, limit);
    return await limit(async () => {
      const { starting } = await this.#limitCpu(async () => {
        const promise = start();
        await Promise.race([promise.catch(() => undefined), sleep(BUSY_MS, undefined, { ref: false })]);
        // Wrapped: a slot is not held for what is not done yet.
        return { starting: promise };
      });
      return await starting;
    });
  }

  #stageTeller(name: string, target: EffectiveTarget, onKey: () => void): (stage: Stage, log: OpenSshLog) => void {
    const started = performance.now();
    const where = `${placeOf(target)}${describeRoute(target)}`;
    const told = new Set<Stage>();
    return (_stage, log) => {
      const once = (stage: Stage, tell: () => void): void => {
        if (!log.hasReached(stage) || told.has(stage)) return;
        told.add(stage);
        tell();
      };
      once('spoken', () =>
        this.#trace(`${name}: connect: ${where} over openssh (${Math.round(performance.now() - started)} ms)`),
      );
      once('keyed', () => {
        this.#trace(`${name}: key: ${log.algorithms.join(', ')}`);
        onKey();
      });
      once('logged in', () =>
        this.#trace(`${name}: auth: ${target.user} is in with ${log.offered.at(-1) ?? 'another method than a key'}`),
      );
    };
  }

  #knownHostsOf({ userKnownHostsFiles, globalKnownHostsFiles }: EffectiveTarget): KnownHostsStore {
    const key = JSON.stringify([userKnownHostsFiles, globalKnownHostsFiles]);
    const store =
      this.#knownHosts.get(key) ??
      new KnownHostsStore(userKnownHostsFiles, globalKnownHostsFiles, (message) => this.#trace(message));
    this.#knownHosts.set(key, store);
    return store;
  }

  get #space(): OpenSshWorkspace {
    this.#workspace ??= new OpenSshWorkspace();
    return this.#workspace;
  }

  #trace(message: string): void {
    this.#listeners.onTrace(message);
  }
}

/** Has a key that ssh took for new judged and recorded as over ssh2. Throws `host-key`. */
function recordNewKey(check: HostKeyCheck, newKeysFile: string): void {
  if (!existsSync(newKeysFile)) return;
  for (const { key } of parseKnownHosts(readFileSync(newKeysFile, 'utf8'), newKeysFile).entries) {
    if (!check.isTrusted(key)) throw check.refusal ?? new VxfleetError('internal', 'a host key without a verdict');
    check.recordNewKey();
  }
}
