/** From what the inventory says of a host to everything a connection needs, with the hosts on its way. */
import { VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import { readJumpHop, toJumpTarget } from '../inventory/read-jump-hop.js';
import { placeOf, type EffectiveTarget, type Route } from './effective-target.js';
import { mergeTarget, type ConnectionOptions, type MergedTarget } from './merge-target.js';
import type { SshConfig } from './ssh-config.js';

/** Every host is asked for once a run. */
export class TargetResolver {
  readonly #options: ConnectionOptions;
  readonly #config: SshConfig | undefined;
  readonly #merged = new Map<string, Promise<MergedTarget>>();

  /** @param config without it the inventory alone is used */
  constructor(options: ConnectionOptions, config?: SshConfig) {
    this.#options = options;
    this.#config = config;
  }

  /**
   * Rejects with `usage` when ssh_config has something that cannot be used, `timeout` when ssh does not answer.
   * @param behind the targets whose way leads through this one
   */
  async resolve(target: SshTarget, behind: readonly SshTarget[] = []): Promise<EffectiveTarget> {
    const merged = await this.#merge(target);
    const { proxyJump: _jump, proxyCommand: _command, ...settings } = merged;
    return { ...settings, isOfInventory: target.isOfInventory, route: await this.#routeOf(target, behind, merged) };
  }

  /** Lets go of what the questions have needed. */
  async close(): Promise<void> {
    await this.#config?.close();
  }

  #merge(target: SshTarget): Promise<MergedTarget> {
    const key = JSON.stringify(target);
    const ask = async (): Promise<MergedTarget> => mergeTarget(target, await this.#config?.ask(target), this.#options);
    const merged = this.#merged.get(key) ?? ask();
    this.#merged.set(key, merged);
    return merged;
  }

  async #routeOf(
    target: SshTarget,
    behind: readonly SshTarget[],
    { proxyJump, proxyCommand }: MergedTarget,
  ): Promise<Route> {
    const hops = typeof proxyJump === 'string' ? parseProxyJump(target, proxyJump) : (proxyJump ?? []);
    const last = hops.at(-1);
    if (last === undefined) {
      return proxyCommand === undefined ? { kind: 'direct' } : { kind: 'command', command: proxyCommand };
    }
    const path = [...behind, target];
    const loop = path.findIndex((passed) => placeInConfig(passed) === placeInConfig(last));
    if (loop >= 0) throw jumpLoop([...path.slice(loop), last]);
    // Hops before it are said here; without any it goes its own way.
    const before = hops.slice(0, -1);
    const hop = before.length === 0 ? last : { ...last, proxyJump: before };
    return { kind: 'jump', through: await this.resolve(hop, path) };
  }
}

/** What makes two jump hosts the same; the login name does not. */
const placeInConfig = ({ host, port }: SshTarget): string => placeOf({ host: host.toLowerCase(), port: port ?? 0 });

function jumpLoop(path: readonly SshTarget[]): VxfleetError {
  return new VxfleetError('usage', `ProxyJump leads in a circle: ${path.map(({ host }) => host).join(' → ')}`, {
    hint: 'correct proxy_jump in the inventory, or ProxyJump in your ssh_config',
  });
}

/** `[user@]host[:port],…`, the first hop first; -G has checked it and turned URIs into this. */
function parseProxyJump(target: SshTarget, text: string): SshTarget[] {
  return text.split(',').map((word) => {
    // In ssh_config, `hub` is whatever ssh_config says.
    const hop = word === 'hub' ? { value: { host: word, port: undefined, user: undefined } } : readJumpHop(word);
    if ('value' in hop && hop.value !== 'hub') return toJumpTarget(hop.value, { isOfInventory: false });
    throw new VxfleetError(
      'usage',
      `ProxyJump of ${target.host} in ssh_config has ${word}, which is no [user@]host[:port]`,
    );
  });
}
