/** The jump hosts of a run over OpenSSH: one master connection to each, which the hosts behind it are reached through. */
import type { VxfleetError } from '../errors.js';
import { toVxfleetError } from '../errors.js';
import { connectionKey, type EffectiveTarget } from './effective-target.js';
import { FORGET_FAILURE_MS, jumpError } from './jump-hosts.js';
import type { OpenSshProcess } from './openssh-process.js';
import { shellQuote } from './shell-quote.js';

/** A connection to a jump host that others may use. */
export interface Master {
  readonly process: OpenSshProcess;
  /** Its control socket. */
  readonly socket: string;
}

export class OpenSshMasters {
  readonly #masters = new Map<string, Promise<Master>>();
  readonly #start: (name: string, target: EffectiveTarget) => Promise<Master>;

  /** @param start with its retries: who comes here has none */
  constructor(start: (name: string, target: EffectiveTarget) => Promise<Master>) {
    this.#start = start;
  }

  /** The master of a jump host, made by the first who needs it. Rejects with the code of what failed there, without a host: once for all behind it. */
  async reach(jump: EffectiveTarget): Promise<Master> {
    const key = connectionKey(jump);
    const master = this.#masters.get(key) ?? this.#connect(key, jump);
    this.#masters.set(key, master);
    return await master;
  }

  /** Hangs up on all of them. */
  async close(): Promise<void> {
    for (const pending of this.#masters.values()) (await pending.catch(() => undefined))?.process.kill();
    this.#masters.clear();
  }

  async #connect(key: string, jump: EffectiveTarget): Promise<Master> {
    const forget = (): void => void this.#masters.delete(key);
    try {
      const master = await this.#start(`jump host ${jump.alias}`, jump);
      // Whoever comes after it was lost makes a new one: no dead master is ever used again.
      void master.process.gone.then(forget);
      return master;
    } catch (thrown) {
      setTimeout(forget, FORGET_FAILURE_MS).unref();
      const error: VxfleetError = toVxfleetError(thrown);
      throw jumpError(jump, error);
    }
  }
}

/**
 * The way through a master, for a shell. Where the master is gone, ssh would connect by itself, to whatever that name is: false(1) as its own
 * ProxyCommand keeps it from that.
 */
export const throughMaster = (program: string, { socket }: Pick<Master, 'socket'>, target: EffectiveTarget): string =>
  shellQuote([
    program,
    ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'ControlMaster=no', '-o', `ControlPath=${socket}`],
    ...['-o', 'ProxyCommand=false', '-W', `[${target.host}]:${target.port}`, 'master.invalid'],
  ]);
