/** One connection's check of the key that its host shows. */
import type { VxfleetError } from '../errors.js';
import { hostKeyPlace, placeOf, takesNewKeys, type EffectiveTarget } from './effective-target.js';
import { describeKey, hostKeyError } from './host-key-error.js';
import { hostKeyAlgorithms, judgeHostKey, showKey, type HostKeyAlgorithm } from './known-hosts.js';
import type { KnownHostsStore } from './known-hosts-store.js';

/** Who is told. */
export interface Listeners {
  /** Things a person should see: a newly accepted host key. */
  readonly onNotice: (message: string) => void;
  /** Details for `-v`. */
  readonly onTrace: (message: string) => void;
}

export class HostKeyCheck {
  /** Why the key was not trusted. */
  refusal: VxfleetError | undefined;
  readonly #host: string;
  readonly #target: EffectiveTarget;
  readonly #knownHosts: KnownHostsStore;
  readonly #listeners: Listeners;
  #newKey: Buffer | undefined;

  constructor(host: string, target: EffectiveTarget, knownHosts: KnownHostsStore, listeners: Listeners) {
    this.#host = host;
    this.#target = target;
    this.#knownHosts = knownHosts;
    this.#listeners = listeners;
  }

  /** What to ask the host for; empty when ssh_config leaves nothing that ssh2 has. Throws `host-key` when a file cannot be read. */
  algorithms(): HostKeyAlgorithm[] {
    const { host, port } = hostKeyPlace(this.#target);
    return hostKeyAlgorithms(this.#knownHosts.entriesOf(host, port), host, port, this.#target.hostKeyAlgorithms);
  }

  /** Fills `refusal` unless the key may be used. */
  isTrusted(key: Buffer): boolean {
    const verdict = this.#judge(key);
    if (verdict.kind === 'unknown' && takesNewKeys(this.#target)) this.#newKey = key;
    else if (verdict.kind !== 'known') {
      this.refusal = hostKeyError(this.#host, this.#target, showKey(key), verdict, this.#knownHosts.files);
      return false;
    }
    this.#listeners.onTrace(
      `${this.#host}: key: ${describeKey(showKey(key))} is ${verdict.kind === 'known' ? 'known' : 'new'}`,
    );
    return true;
  }

  /** To be called when the host has proven that it holds the key, before any login is offered. Throws `host-key`. */
  recordNewKey(): void {
    const key = this.#newKey;
    this.#newKey = undefined;
    if (key === undefined) return;
    // Another connection to the same host may have been first, with this key or another.
    const verdict = this.#judge(key);
    if (verdict.kind === 'known') return;
    if (verdict.kind !== 'unknown')
      throw hostKeyError(this.#host, this.#target, showKey(key), verdict, this.#knownHosts.files);
    const { host, port } = hostKeyPlace(this.#target);
    const file = this.#knownHosts.add(host, port, key);
    const where = placeOf(this.#target);
    this.#listeners.onNotice(
      file === undefined
        ? `${this.#host}: took the new host key of ${where} for this run only, there is no file to record it in: ${describeKey(showKey(key))}`
        : `${this.#host}: recorded the new host key of ${where} in ${file}: ${describeKey(showKey(key))}`,
    );
  }

  #judge(key: Buffer): ReturnType<typeof judgeHostKey> {
    const { host, port } = hostKeyPlace(this.#target);
    return judgeHostKey(this.#knownHosts.entriesOf(host, port), host, port, key);
  }
}
