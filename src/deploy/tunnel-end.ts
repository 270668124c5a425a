/** One end of a tunnel on its host: the few things that are done to it, as calls that answer values. */
import { toVxfleetError, VxfleetError } from '../errors.js';
import type { Check, Layer } from '../events.js';
import { restoringLines } from './bystanders.js';
import type { Host } from '../host/host.js';
import type { HostFacts } from '../host/host-facts.js';
import type { HostCommand, HostSession } from '../host/host-session.js';
import type { Reply } from '../host/frames.js';
import { isInPrefix } from '../plan/is-in-prefix.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import type { ObservedEnd } from '../verify/compare-end.js';
import { bytesOf } from '../text-bytes.js';
import { judgePings } from '../verify/judge-probe.js';
import { parseLinks, parseNetwork, parseWays } from '../verify/kernel-state.js';
import { probePayload, type PlannedCheck, type RouteQuestion } from '../verify/plan-checks.js';
import { tunnelQueries } from '../verify/queries.js';

/** Longest time a step of the host program may take by its own timeouts, in ms, and some for the way. */
const STEP_TIMEOUT_MS = 100_000;
const QUERY_TIMEOUT_MS = 30_000;
/** The diagnosis of a failed probe takes a second or two; the rest is for the way, and for a busy host. */
const DIAGNOSIS_MS = 20_000;

/** An end's part in the decision, and what the hub needs to find out alone what the spoke did (docs/protocol.md). */
export interface DecisionPart {
  /**
   * `decides`: the spoke's end. `incompatible` and `compatible`: the hub's, which promises; by whether old and new can talk to each other.
   * `alone`: the other end does not change.
   */
  readonly role: 'decides' | 'incompatible' | 'compatible' | 'alone';
  /** Link-local address that the spoke shows once it is confirmed. */
  readonly marker: string;
  /** The peer's address on the new end, and on the old one; null = it would not answer there. */
  readonly newPeer: string | null;
  readonly oldPeer: string | null;
}

/** What became of a step that may fail on the host. */
export interface StepOutcome {
  readonly ok: boolean;
  readonly layer: Layer;
  /** Why it failed, with the last words of ifupdown; empty when ok. */
  readonly message: string;
}

export interface PrepareOutcome extends StepOutcome {
  /** The host program's word for why not: `busy`, `changed`, `flock`, `invalid`, `ping`, `refused`; empty when ok. */
  readonly reason: string;
}

export interface TrialOutcome extends StepOutcome {
  /** When the end went down, in ms of the host's own clock; null when it was not touched. */
  readonly downAt: number | null;
}

export interface ProbeOutcome {
  readonly checks: readonly Check[];
  /** When the last of them was answered, in ms of the host's own clock; null when one was not, or none was sent. */
  readonly answeredAt: number | null;
  /** Pieces of IPv4 packets, of whomever, that came to the host meanwhile. */
  readonly fragments: number;
  /** The host program's answer, for the diagnosis. */
  readonly values: ReadonlyMap<string, string>;
}

/** What the kernel has, and by which device it would send each question's packet; undefined where it would not. */
export interface ObservedWays extends ObservedEnd {
  readonly ways: readonly (string | undefined)[];
}

export class TunnelEnd {
  readonly end: End;
  readonly facts: HostFacts;
  /** The file as it shall be; null: there shall be none, and no tunnel. */
  readonly desired: string | null;
  readonly #tunnel: TunnelPlan;
  readonly #change: string;
  readonly #host: Host;
  /** Over which this end is spoken to, from the first word on: a trial is begun and promised over one session, with which it ends. */
  #session: HostSession | undefined;
  /** Sessions that were opened here, and are ended here. */
  readonly #opened: HostSession[] = [];

  /** @param change the id of the change that is to be made, the same at both ends */
  constructor(
    tunnel: TunnelPlan,
    end: End,
    { host, facts }: { readonly host: Host; readonly facts: HostFacts },
    desired: string | null,
    change: string,
  ) {
    this.#change = change;
    this.#tunnel = tunnel;
    this.end = end;
    this.#host = host;
    this.facts = facts;
    this.desired = desired;
  }

  /** The live file, or null. */
  get current(): string | null {
    return this.facts.files.get(this.#tunnel.interface) ?? null;
  }

  /** Is the live file the desired one, byte for byte? */
  get hasDesiredFile(): boolean {
    return this.current === this.desired && !this.facts.binaryFiles.includes(this.#tunnel.interface);
  }

  /** Does the host answer us through this tunnel? */
  get isBehindTunnel(): boolean {
    return this.facts.sshDevice === this.#tunnel.interface;
  }

  /**
   * May our connection run through a tunnel? Then only a new one says that the host can still be reached. A spoke's IPv6 may, by its default route; of
   * the hub's only what comes to an address of the fleet's, or by a VXLAN.
   */
  get needsNewConnection(): boolean {
    const { sshServerAddress: address = '', sshDevice = '', links } = this.facts;
    if (this.isBehindTunnel) return true;
    const isIpv6 = address.includes(':') && !address.startsWith('::ffff:');
    return isIpv6 && (this.end === 'spoke' || isInPrefix(address, this.#tunnel.prefix) || links.has(sshDevice));
  }

  /** Has the session been lost over which this end was spoken to? */
  get isLost(): boolean {
    return this.#session?.lost !== undefined;
  }

  /** What the kernel has of this end right now, and the ways of the questions' packets. */
  async observe(questions: readonly RouteQuestion[] = []): Promise<ObservedWays> {
    const payload = this.#questionsOf(questions);
    const reply = await this.#must({ verb: 'state', args: [], payload, timeoutMs: QUERY_TIMEOUT_MS });
    const text = reply.values.get('network') ?? '';
    return {
      link: parseLinks(text)[0],
      network: parseNetwork(text, tunnelQueries(this.#tunnel, this.end)),
      ways: parseWays(text, questions),
    };
  }

  /** Sends the checks of this end until each is answered or the time is over. @param diagnose also look at the layers below what is silent */
  async probe(planned: readonly PlannedCheck[], seconds: number, diagnose: boolean): Promise<ProbeOutcome> {
    const mine = planned.filter((check) => check.from === this.end);
    if (mine.length === 0) return { checks: [], answeredAt: null, fragments: 0, values: new Map() };
    const { values } = await this.#must({
      verb: 'probe',
      args: [this.#tunnel.interface, String(seconds), ...(diagnose ? ['diagnose'] : [])],
      payload: probePayload(mine),
      timeoutMs: seconds * 1000 + DIAGNOSIS_MS,
    });
    const checks = judgePings(mine, values);
    const answeredAt = checks.every(({ ok }) => ok) ? toNumber(values.get('answered_at')) : null;
    return { checks, answeredAt, fragments: toNumber(values.get('fragments')) ?? 0, values };
  }

  /**
   * Hands the candidate over and proves that a trial can begin; nothing that runs is touched.
   * @param body the record's (src/history), which the host completes when it knows how the trial ended
   * @param isStill the trial shall not bounce the end: what runs is as the candidate makes it
   */
  async prepare(body: string, isStill: boolean): Promise<PrepareOutcome> {
    const { current, desired } = this;
    const others = restoringLines(this.facts, this.#tunnel);
    const reply = await this.#call({
      verb: 'prepare',
      args: [...this.#names, lengthOf(current), lengthOf(desired), lengthOf(others), ...(isStill ? ['still'] : [])],
      payload: `${current ?? ''}${desired ?? ''}${others}${body}`,
      timeoutMs: QUERY_TIMEOUT_MS,
    });
    const { ok, reason, text } = reply;
    return {
      ok,
      reason,
      layer: ['flock', 'invalid', 'ping'].includes(reason) ? 'implementation' : 'file',
      message: text,
    };
  }

  /** As Host.takeTurn. */
  async takeTurn(): Promise<() => void> {
    return await this.#host.takeTurn();
  }

  /** Runs what was prepared. */
  async trial(): Promise<TrialOutcome> {
    const reply = await this.#call({ verb: 'trial', args: this.#names, timeoutMs: STEP_TIMEOUT_MS });
    const output = lastLines(reply.values.get('output') ?? '');
    return {
      ok: reply.ok,
      layer: 'link',
      message: reply.ok ? '' : [reply.text, output].filter((text) => text !== '').join(': '),
      downAt: toNumber(reply.values.get('down_at')),
    };
  }

  /** Starts the trial's window anew. A host that has ended the trial says so to the step that follows. */
  async extend(): Promise<void> {
    await this.#call({ verb: 'extend', args: this.#names, timeoutMs: QUERY_TIMEOUT_MS });
  }

  /** Does all of a confirm that can fail. @param digest of the whole record, by which it is named */
  async stage(
    digest: string,
    { role, marker, newPeer, oldPeer }: DecisionPart,
  ): Promise<StepOutcome & { readonly reason: string }> {
    const args = [...this.#names, digest, role, marker, newPeer ?? '-', oldPeer ?? '-'];
    const reply = await this.#call({ verb: 'stage', args, timeoutMs: QUERY_TIMEOUT_MS });
    return { ok: reply.ok, layer: 'file', message: reply.text, reason: reply.reason };
  }

  /** From here on this end does not go back by itself. */
  async promise(): Promise<Reply> {
    return await this.#call({ verb: 'promise', args: this.#names, timeoutMs: QUERY_TIMEOUT_MS });
  }

  /** Goes on over a new connection, where only that proves that the host can be reached. Returns why there is none, or null. */
  async proveReachable(): Promise<string | null> {
    if (!this.needsNewConnection) return null;
    try {
      this.#session = await this.#openAnother();
      return null;
    } catch (error) {
      return `SSH to ${this.#host.host} may run through the tunnel, and no new connection can be made: ${toVxfleetError(error).message}`;
    }
  }

  /** Makes the staged candidate the file of /etc. An answer that is not ok means that it is not. Rejects when there is none, asked twice. */
  async confirm(): Promise<Reply> {
    return await this.#insist({ verb: 'confirm', args: this.#names, timeoutMs: QUERY_TIMEOUT_MS });
  }

  /** Ends the sessions that were opened here. */
  async release(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((session) => session.close()));
  }

  /** Ends the trial, also one that is only prepared. Rejects when there is no answer, asked twice. */
  async revert(): Promise<Reply> {
    return await this.#insist({ verb: 'revert', args: this.#names, timeoutMs: STEP_TIMEOUT_MS });
  }

  /** Has the host find out what the other end did. @returns how the trial ended, an outcome of src/history; empty when it does not know */
  async settle(windowSeconds: number): Promise<string> {
    const timeoutMs = windowSeconds * 1000 + STEP_TIMEOUT_MS;
    const reply = await this.#must({ verb: 'settle', args: this.#names, timeoutMs });
    return reply.values.get('outcome') ?? '';
  }

  /** Keeps a generation of this end, which did not change, for a run that changed the other one. Rejects with host. */
  async note(body: string, digest: string): Promise<void> {
    const args = [this.#tunnel.interface, digest];
    await this.#must({ verb: 'note', args, payload: body, timeoutMs: QUERY_TIMEOUT_MS });
  }

  /** Ends the trial that a dead run has left here. */
  async takeOver(windowSeconds: number): Promise<void> {
    const timeoutMs = windowSeconds * 1000 + STEP_TIMEOUT_MS;
    const reply = await this.#call({ verb: 'takeover', args: [this.#tunnel.interface], timeoutMs });
    if (reply.ok) return;
    throw new VxfleetError('host', `the trial on ${this.#host.host} could not be ended: ${reply.text}`, {
      host: this.#host.host,
      hint: `Look there at /run/vxfleet/${this.#tunnel.interface} and at \`df /etc /var /run\`; what is pending ends when the host can write.`,
    });
  }

  /** What the host program calls the trial by. */
  get #names(): readonly string[] {
    return [this.#tunnel.interface, this.#change];
  }

  /** Lines for `ip -6 -batch`. */
  #questionsOf(questions: readonly RouteQuestion[]): string {
    const lines = [
      ...tunnelQueries(this.#tunnel, this.end).map(({ line }) => line),
      ...questions.map(({ source, target }) => `route get ${target} from ${source}`),
    ];
    return lines.map((line) => `${line}\n`).join('');
  }

  async #call(command: HostCommand): Promise<Reply> {
    this.#session ??= await this.#host.session();
    return await this.#session.call(command);
  }

  /** Asks once again, over another session, when no answer comes: a host that has done it says so. */
  async #insist(command: HostCommand): Promise<Reply> {
    try {
      return await this.#call(command);
    } catch {
      this.#session = await this.#inPlaceOf(this.#session);
      return await this.#session.call(command);
    }
  }

  /** The host's own session is lost for all who use it; one that only does not answer is left to those whom it answers. */
  async #inPlaceOf(silent: HostSession | undefined): Promise<HostSession> {
    const isShared = silent === undefined || (silent.lost !== undefined && !this.#opened.includes(silent));
    return isShared ? await this.#host.session() : await this.#openAnother();
  }

  async #openAnother(): Promise<HostSession> {
    const session = await this.#host.openAnother();
    this.#opened.push(session);
    return session;
  }

  async #must(command: HostCommand): Promise<Reply> {
    const reply = await this.#call(command);
    if (reply.ok) return reply;
    throw new VxfleetError('host', `${command.verb} failed on ${this.#host.host}: ${reply.text}`, {
      host: this.#host.host,
    });
  }
}

/** What is done to an end, without how. */
export type EndAccess = Pick<TunnelEnd, keyof TunnelEnd>;

const toNumber = (text: string | undefined): number | null => (text === undefined ? null : Number(text));

/** In bytes; `-` for what does not exist. */
const lengthOf = (text: string | null): string => (text === null ? '-' : String(bytesOf(text).length));

/** ifup's own words are at the end of its output. */
const lastLines = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-3)
    .join('; ');
