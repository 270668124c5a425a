/** A host that a run works on: what it said of itself, its turns, and a session that is opened anew, once for all who use it, when it is lost. */
import pLimit, { type LimitFunction } from 'p-limit';
import { VxfleetError } from '../errors.js';
import type { Reply } from './frames.js';
import { ifupdownOf, inspectionPayload, parseFacts, type HostFacts, type Inspection } from './host-facts.js';
import { readAnswer } from './read-answer.js';
import type { HostCommand } from './host-command.js';
import type { Caller, HostSession } from './host-session.js';

const INSPECT_TIMEOUT_MS = 60_000;

/** How a host is reached, and what is asked of it. */
export interface HostAccess {
  /** Opens a session of the run. Rejects as HostSession.open does. */
  readonly open: () => Promise<HostSession>;
  readonly inspection: Inspection;
  /** May the run change anything? Then it removes what killed ones have left. */
  readonly writes: boolean;
}

export class Host implements Caller {
  /** `hub` or the spoke's name. */
  readonly host: string;
  readonly #access: HostAccess;
  readonly #bounces: LimitFunction;
  #facts: HostFacts;
  #session: HostSession;
  /** Those that were lost: the program is gone, the connection need not be. */
  readonly #lost: HostSession[] = [];
  #reopening: Promise<HostSession> | undefined;

  constructor(access: HostAccess, session: HostSession, facts: HostFacts) {
    this.host = session.host;
    this.#access = access;
    this.#session = session;
    this.#facts = facts;
    // More at once than it has processors would only be down for longer; ifupdown2 has one lock for the whole host.
    this.#bounces = pLimit(ifupdownOf(facts) === 'ifupdown2' ? 1 : facts.cpus);
  }

  /** Connects and inspects. Rejects with connect, host-key, auth, lost, timeout, protocol or host. */
  static async connect(access: HostAccess, onConnected: () => void = () => undefined): Promise<Host> {
    const session = await access.open();
    onConnected();
    try {
      const facts = await inspect(session, access.inspection);
      if (access.writes && facts.hasDeadRuns) {
        await session.call({ verb: 'sweep', args: [], timeoutMs: INSPECT_TIMEOUT_MS });
      }
      return new Host(access, session, facts);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** As it was when it was last looked at. */
  get facts(): HostFacts {
    return this.#facts;
  }

  /** Looks at it again. Rejects as `connect` does. */
  async inspect(): Promise<void> {
    this.#facts = await inspect(this, this.#access.inspection);
  }

  /**
   * The session that stands. A lost one is opened again by the first who asks, for all; when that fails it is not tried again, nor when the program did
   * not come to its first answer. Rejects as HostSession.open does, or with lost or protocol.
   */
  async session(): Promise<HostSession> {
    const { lost, hasAnswered } = this.#session;
    if (lost === undefined) return this.#session;
    if (!hasAnswered) throw lost;
    this.#reopening ??= this.#reopen();
    return await this.#reopening;
  }

  /** One more session of the run beside the others, which whoever opens it closes. */
  async openAnother(): Promise<HostSession> {
    return await this.#access.open();
  }

  /** Sends a command over the session that stands. Rejects as `session` does, or with timeout. */
  async call(command: HostCommand): Promise<Reply> {
    return await (await this.session()).call(command);
  }

  /** Waits until this host may bounce one more tunnel. @returns what gives the turn back; may be called twice */
  async takeTurn(): Promise<() => void> {
    return await new Promise((resolve) => {
      void this.#bounces(async () => new Promise<void>((giveBack) => resolve(giveBack)));
    });
  }

  async close(): Promise<void> {
    await this.#reopening?.catch(() => undefined);
    await Promise.all([...this.#lost, this.#session].map((session) => session.close()));
  }

  async #reopen(): Promise<HostSession> {
    const session = await this.openAnother();
    this.#lost.push(this.#session);
    this.#session = session;
    this.#reopening = undefined;
    return session;
  }
}

async function inspect(caller: Caller, inspection: Inspection): Promise<HostFacts> {
  const payload = inspectionPayload(inspection);
  const reply = await caller.call({ verb: 'inspect', args: [], payload, timeoutMs: INSPECT_TIMEOUT_MS });
  const { host } = caller;
  if (!reply.ok) throw new VxfleetError('host', `inspect failed on ${host}: ${reply.text}`, { host });
  return readAnswer(host, () => parseFacts(reply, inspection));
}
