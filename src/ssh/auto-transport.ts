/** Chooses a transport for each host: ssh2, and OpenSSH for what ssh2 cannot do. */
import { toVxfleetError, type VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import type { OpenSshKeys } from './openssh-keys.js';
import type { TargetResolver } from './target-resolver.js';
import type { RunTransport, Session } from './transport.js';

export interface AutoTransportOptions {
  readonly resolver: TargetResolver;
  readonly keys: OpenSshKeys;
  readonly ssh2: RunTransport;
  readonly openssh: RunTransport;
  /** Whether this machine has an `ssh` program. */
  readonly hasOpenSsh: () => boolean;
  readonly onTrace: (message: string) => void;
  readonly onNotice: (message: string) => void;
}

export function createAutoTransport(options: AutoTransportOptions): RunTransport {
  const { ssh2, openssh, onTrace, onNotice } = options;
  const choice = new Choice(options);

  return {
    async prepare(hosts) {
      // What is wrong with one host alone is told when that host is opened.
      const needs = await Promise.all(hosts.map(({ target }) => choice.needOf(target).catch(() => undefined)));
      await ssh2.prepare(hosts.filter((_host, index) => needs[index] === undefined));
    },

    async open(host, target, command) {
      const need = await choice.needOf(target);
      if (need !== undefined) {
        onTrace(`${host}: transport: openssh, for ${need}`);
        return await openssh.open(host, target, command);
      }
      return await ssh2.open(host, target, command).catch((thrown: unknown): Promise<Session> => {
        const error = toVxfleetError(thrown);
        const reason = choice.remember(target, error);
        if (reason === undefined) throw error;
        onNotice(`${host}: goes over openssh, because ssh2 and the host have nothing in common: ${reason}`);
        return openssh.open(host, target, command);
      });
    },

    async close() {
      await ssh2.close();
      await openssh.close();
    },
  };
}

/** What is known of each host's needs; what a handshake has shown is asked of no host twice. */
class Choice {
  readonly #options: AutoTransportOptions;
  readonly #shown = new Map<string, string>();
  #hasOpenSsh: boolean | undefined;

  constructor(options: AutoTransportOptions) {
    this.#options = options;
  }

  /** undefined = ssh2 will do. */
  async needOf(target: SshTarget): Promise<string | undefined> {
    const { resolver, keys } = this.#options;
    const need = this.#shown.get(keyOf(target)) ?? (await keys.needOf(await resolver.resolve(target)));
    return need !== undefined && this.#isThere ? need : undefined;
  }

  /** @returns what ssh2 and the host, or a jump host, do not have in common; undefined when that is not what failed */
  remember(target: SshTarget, error: VxfleetError): string | undefined {
    const reason = incompatibility(error);
    if (reason === undefined || !this.#isThere) return undefined;
    this.#shown.set(keyOf(target), reason);
    return reason;
  }

  get #isThere(): boolean {
    this.#hasOpenSsh ??= this.#options.hasOpenSsh();
    return this.#hasOpenSsh;
  }
}

const keyOf = (target: SshTarget): string => JSON.stringify(target);

/** ssh2's words for a negotiation without a result, also of a jump host, whose error is the cause of that of the host behind it. */
function incompatibility(error: VxfleetError): string | undefined {
  if (error.code !== 'protocol') return undefined;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    const reason = /no matching .*/.exec(cause.message)?.[0];
    if (reason !== undefined) return reason;
  }
  return undefined;
}
