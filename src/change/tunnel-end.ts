/** One end of a tunnel on its host: the few things that are done to it, as calls that answer values. */
import { toVxfleetError, VxfleetError } from '../errors.js';
import type { Check } from '../events.js';
import { restoringLines } from './bystanders.js';
import { notDecided, notPrepared, notTried, unreachable } from './failures.js';
import type { Host } from '../host/host.js';
import type { HostFacts } from '../host/host-facts.js';
import type { HostCommand } from '../host/host-command.js';
import { Line } from '../host/line.js';
import type { Reply } from '../host/frames.js';
import { readAnswer } from '../host/read-answer.js';
import { isInPrefix } from '../plan/is-in-prefix.js';
import { generationDigest } from '../history/generation-text.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import type { ObservedEnd } from '../verify/compare-end.js';
import { bytesOf } from '../text-bytes.js';
import { judgePings } from '../verify/judge-probe.js';
import { parseLinks, parseNetwork, parseWays } from '../verify/kernel-state.js';
import { probePayload, routeQueries, type PlannedCheck, type RouteQuestion } from '../verify/plan-checks.js';
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

/** What an end shall have. */
export interface EndTarget {
  /** The file; null: there shall be none, and no tunnel. */
  readonly text: string | null;
  /** Not rendered by a template of ours: the kernel may have more than is planned. */
  readonly isCustom: boolean;
}

export class TunnelEnd {
  readonly end: End;
  readonly facts: HostFacts;
  readonly target: EndTarget;
  readonly #tunnel: TunnelPlan;
  readonly #change: string;
  readonly #host: Host;
  readonly #line: Line;
  /** When the trial took it down, in ms of the host's own clock; null when it was not touched. */
  downAt: number | null = null;

  /** @param change the id of the change that is to be made, the same at both ends @param facts what the host is taken to have */
  constructor(tunnel: TunnelPlan, end: End, host: Host, target: EndTarget, change: string, facts = host.facts) {
    this.#change = change;
    this.#tunnel = tunnel;
    this.end = end;
    this.#host = host;
    this.#line = new Line(host);
    this.facts = facts;
    this.target = target;
  }

  /** The live file, or null. */
  get current(): string | null {
    return this.facts.files.get(this.#tunnel.interface) ?? null;
  }

  /** Is the live file the desired one, byte for byte? */
  get hasDesiredFile(): boolean {
    return this.current === this.target.text && !this.facts.binaryFiles.includes(this.#tunnel.interface);
  }

  /** Does the host answer us through this tunnel? */
  get isBehindTunnel(): boolean {
    return this.facts.sshDevice === this.#tunnel.interface;
  }

  /**
   * May our connection run through a tunnel? Then only a new one says that the host can still be reached. A spoke's IPv6 may, by its default route; of
   * the hub's only what comes to an address of the fleet's, or by a VXLAN.
   */
  get #needsNewConnection(): boolean {
    const { sshServerAddress: address = '', sshDevice = '', links } = this.facts;
    if (this.isBehindTunnel) return true;
    const isIpv6 = address.includes(':') && !address.startsWith('::ffff:');
    return isIpv6 && (this.end === 'spoke' || isInPrefix(address, this.#tunnel.prefix) || links.has(sshDevice));
  }

  /** Has the session been lost over which this end was spoken to? */
  get isLost(): boolean {
    return this.#line.isLost;
  }

  /** What the kernel has of this end right now, and the ways of the questions' packets. */
  async observe(questions: readonly RouteQuestion[] = []): Promise<ObservedWays> {
    const hasFilter = this.#tunnel.filter || this.current?.includes(FILTER_MARK) === true;
    const queries = tunnelQueries(this.#tunnel, this.end, hasFilter);
    const payload = [...queries, ...routeQueries(questions)].map(({ line }) => `${line}\n`).join('');
    const reply = await this.ask({ verb: 'state', args: [], payload, timeoutMs: QUERY_TIMEOUT_MS });
    const text = reply.values.get('network') ?? '';
    return readAnswer(this.#host.host, () => ({
      link: parseLinks(text)[0],
      network: parseNetwork(text, queries),
      ways: parseWays(text, questions),
    }));
  }

  /**
   * Sends the checks of this end until each is answered or the time is over.
   * @param depth `anew` asks again for neighbours that were asked for in vain, `diagnose` looks at the layers below what is silent too
   */
  async probe(planned: readonly PlannedCheck[], seconds: number, depth?: 'anew' | 'diagnose'): Promise<ProbeOutcome> {
    const mine = planned.filter((check) => check.from === this.end);
    if (mine.length === 0) return { checks: [], answeredAt: null, fragments: 0, values: new Map() };
    const { values } = await this.ask({
      verb: 'probe',
      args: [this.#tunnel.interface, String(seconds), ...(depth === undefined ? [] : [depth])],
      payload: probePayload(mine),
      timeoutMs: seconds * 1000 + DIAGNOSIS_MS,
    });
    const checks = judgePings(mine, values);
    const answeredAt = checks.every(({ ok }) => ok) ? toNumber(values.get('answered_at')) : null;
    return { checks, answeredAt, fragments: toNumber(values.get('fragments')) ?? 0, values };
  }

  /**
   * Hands the candidate over and proves that a trial can begin; nothing that runs is touched. Rejects with StepFailed, as all steps do that the host refuses.
   * @param body the record's (src/history), which the host completes when it knows how the trial ended
   * @param isStill the trial shall not bounce the end: what runs is as the candidate makes it
   */
  async prepare(body: string, isStill: boolean): Promise<void> {
    const { current } = this;
    const { text } = this.target;
    const digest = generationDigest('confirmed', body);
    const others = restoringLines(this.facts, this.#tunnel);
    const reply = await this.#line.call({
      verb: 'prepare',
      args: [
        ...this.#names,
        lengthOf(current),
        lengthOf(text),
        lengthOf(others),
        digest,
        ...(isStill ? ['still'] : []),
      ],
      payload: `${current ?? ''}${text ?? ''}${others}${body}`,
      timeoutMs: QUERY_TIMEOUT_MS,
    });
    if (!reply.ok) throw notPrepared(this.end, reply, this.#tunnel);
  }

  /** As Host.takeTurn. */
  async takeTurn(): Promise<() => void> {
    return await this.#host.takeTurn();
  }

  /** Runs what was prepared. */
  async trial(): Promise<void> {
    const reply = await this.#line.call({ verb: 'trial', args: this.#names, timeoutMs: STEP_TIMEOUT_MS });
    this.downAt = toNumber(reply.values.get('down_at'));
    if (!reply.ok) throw notTried(this.end, reply, this.#tunnel);
  }

  /** Starts the trial's window anew. A host that has ended the trial says so to the step that follows. */
  async extend(): Promise<void> {
    await this.#line.call({ verb: 'extend', args: this.#names, timeoutMs: QUERY_TIMEOUT_MS });
  }

  /** Goes on over a new connection, where only that proves that the host can be reached. */
  async proveReachable(): Promise<void> {
    if (!this.#needsNewConnection) return;
    try {
      await this.#line.renew();
    } catch (error) {
      throw unreachable(this.end, this.#host.host, toVxfleetError(error).message);
    }
  }

  /** From here on this end does not go back by itself. */
  async promise(part: DecisionPart): Promise<void> {
    const args = [...this.#names, ...wordsOf(part)];
    this.#accept(await this.#line.call({ verb: 'promise', args, timeoutMs: QUERY_TIMEOUT_MS }));
  }

  /** Makes the candidate the file of /etc. When the host refuses, it has not. Rejects with lost or timeout when there is no answer, asked twice. */
  async confirm(part: DecisionPart): Promise<void> {
    const args = [...this.#names, ...wordsOf(part)];
    this.#accept(await this.#line.insist({ verb: 'confirm', args, timeoutMs: QUERY_TIMEOUT_MS }));
  }

  /** Ends the connections that were opened for this change. */
  async release(): Promise<void> {
    await this.#line.close();
  }

  /** Ends the trial, also one that is only prepared. Rejects when there is no answer, asked twice. */
  async revert(): Promise<Reply> {
    return await this.#line.insist({ verb: 'revert', args: this.#names, timeoutMs: STEP_TIMEOUT_MS });
  }

  /** Has the host find out what the other end did. @returns how the trial has ended, an outcome of src/history; empty when it does not know */
  async settle(windowSeconds: number): Promise<string> {
    const timeoutMs = windowSeconds * 1000 + STEP_TIMEOUT_MS;
    const reply = await this.ask({ verb: 'settle', args: this.#names, timeoutMs });
    return reply.values.get('outcome') ?? '';
  }

  /** Keeps a generation of this end, which did not change, for a run that changed the other one. Rejects with host. */
  async note(body: string, digest: string): Promise<void> {
    const args = [this.#tunnel.interface, digest];
    await this.ask({ verb: 'note', args, payload: body, timeoutMs: QUERY_TIMEOUT_MS });
  }

  /** What the host program calls the trial by. */
  get #names(): readonly string[] {
    return [this.#tunnel.interface, this.#change];
  }

  #accept(reply: Reply): void {
    if (!reply.ok) throw notDecided(this.end, reply);
  }

  /** The answer to a command that a host does not refuse. */
  async ask(command: HostCommand): Promise<Reply> {
    const reply = await this.#line.call(command);
    if (reply.ok) return reply;
    throw new VxfleetError('host', `${command.verb} failed on ${this.#host.host}: ${reply.text}`, {
      host: this.#host.host,
    });
  }
}

/** In every stanza that makes a filter. */
const FILTER_MARK = 'table inet vxfleet';

/** A host's own clock, in ms. */
const toNumber = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,15}(?:\.\d+)?$/.test(text) ? Number(text) : null;

/** In bytes; `-` for what does not exist. */
const lengthOf = (text: string | null): string => (text === null ? '-' : String(bytesOf(text).length));

const wordsOf = ({ role, marker, newPeer, oldPeer }: DecisionPart): string[] => [
  role,
  marker,
  newPeer ?? '-',
  oldPeer ?? '-',
];
