/** What one change says to a host: over one session, with which its trial ends. What must be known is asked twice. */
import type { Reply } from './frames.js';
import type { Host } from './host.js';
import type { HostCommand } from './host-command.js';
import type { HostSession } from './host-session.js';

export class Line {
  readonly #host: Host;
  /** The host's own from the first word on, or one that was opened here. */
  #session: HostSession | undefined;
  readonly #opened: HostSession[] = [];

  constructor(host: Host) {
    this.#host = host;
  }

  /** Has the session been lost over which something was said? */
  get isLost(): boolean {
    return this.#session?.lost !== undefined;
  }

  /** Rejects as Host.call does. */
  async call(command: HostCommand): Promise<Reply> {
    this.#session ??= await this.#host.session();
    return await this.#session.call(command);
  }

  /** Asks once again, over another session, when no answer comes: a host that has done it says so. */
  async insist(command: HostCommand): Promise<Reply> {
    try {
      return await this.call(command);
    } catch {
      this.#session = await this.#inPlaceOf(this.#session);
      return await this.#session.call(command);
    }
  }

  /** Goes on over a connection of its own. Rejects as HostSession.open does. */
  async renew(): Promise<void> {
    this.#session = await this.#open();
  }

  /** Ends what was opened here. */
  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((session) => session.close()));
  }

  /** The host's own session is lost for all who use it; one that only does not answer is left to those whom it answers. */
  async #inPlaceOf(silent: HostSession | undefined): Promise<HostSession> {
    const isShared = silent === undefined || (silent.lost !== undefined && !this.#opened.includes(silent));
    return isShared ? await this.#host.session() : await this.#open();
  }

  async #open(): Promise<HostSession> {
    const session = await this.#host.openAnother();
    this.#opened.push(session);
    return session;
  }
}
