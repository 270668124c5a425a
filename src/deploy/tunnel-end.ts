/** One end of a tunnel on its host: the few things that are done to it, as calls that answer values. */
import { createHash } from 'node:crypto';
import { VxfleetError } from '../errors.js';
import type { Check, Layer } from '../events.js';
import type { HostFacts } from '../host/host-facts.js';
import type { HostCommand, HostSession } from '../host/host-session.js';
import type { Reply } from '../host/frames.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import type { ObservedEnd } from '../verify/compare-end.js';
import { judgePings } from '../verify/judge-probe.js';
import { parseLinks, parseNetwork } from '../verify/kernel-state.js';
import { probePayload, type PlannedCheck } from '../verify/plan-checks.js';
import { tunnelQueries } from '../verify/queries.js';

/** Longest time a step of the host program may take by its own timeouts, in ms, and some for the way. */
const STEP_TIMEOUT_MS = 100_000;
const QUERY_TIMEOUT_MS = 30_000;
/** The diagnosis after a failed probe: two pings at most, one second each, for each of at most five checks. */
const DIAGNOSIS_MS = 20_000;

/** What became of a step that may fail on the host. */
export interface StepOutcome {
  readonly ok: boolean;
  readonly layer: Layer;
  /** Why it failed, with the last words of ifupdown; empty when ok. */
  readonly message: string;
}

export interface TrialOutcome extends StepOutcome {
  /** How long the end was down, in ms; null when it was not touched. */
  readonly downMs: number | null;
}

export interface ProbeOutcome {
  readonly checks: readonly Check[];
  /** The host program's answer, for the diagnosis. */
  readonly values: ReadonlyMap<string, string>;
}

export class TunnelEnd {
  readonly end: End;
  readonly facts: HostFacts;
  /** The file as it shall be. */
  readonly desired: string;
  readonly #tunnel: TunnelPlan;
  readonly #session: HostSession;

  constructor(tunnel: TunnelPlan, end: End, session: HostSession, facts: HostFacts, desired: string) {
    this.#tunnel = tunnel;
    this.end = end;
    this.#session = session;
    this.facts = facts;
    this.desired = desired;
  }

  /** The live file, or null. */
  get current(): string | null {
    return this.facts.files.get(this.#tunnel.interface) ?? null;
  }

  /** Is the live file the desired one, byte for byte? */
  get hasDesiredFile(): boolean {
    return this.facts.digests.get(this.#tunnel.interface) === sha256(this.desired);
  }

  /** What the kernel has of this end right now. */
  async observe(): Promise<ObservedEnd> {
    const queries = tunnelQueries(this.#tunnel, this.end);
    const payload = queries.map(({ line }) => `${line}\n`).join('');
    const reply = await this.#must({
      verb: 'state',
      args: [this.#tunnel.interface],
      payload,
      timeoutMs: QUERY_TIMEOUT_MS,
    });
    return {
      link: parseLinks(reply.values.get('links') ?? '')[0],
      network: parseNetwork(reply.values.get('network') ?? '', queries),
    };
  }

  /** Sends the checks of this end until each is answered or the time is over. */
  async probe(planned: readonly PlannedCheck[], seconds: number, diagnose: boolean): Promise<ProbeOutcome> {
    const mine = planned.filter((check) => check.from === this.end);
    if (mine.length === 0) return { checks: [], values: new Map() };
    const reply = await this.#must({
      verb: 'probe',
      args: [this.#tunnel.interface, String(seconds), ...(diagnose ? ['diagnose'] : [])],
      payload: probePayload(mine),
      timeoutMs: seconds * 1000 + DIAGNOSIS_MS,
    });
    return { checks: judgePings(mine, reply.values), values: reply.values };
  }

  /** By which device the kernel would send each question's packet; undefined where it would not. */
  async routesOf(
    questions: readonly { key: string; source: string; target: string }[],
  ): Promise<(string | undefined)[]> {
    const payload = questions.map(({ key, source, target }) => `${key} ${source} ${target}\n`).join('');
    const reply = await this.#must({ verb: 'route', args: [], payload, timeoutMs: QUERY_TIMEOUT_MS });
    return questions.map(({ key }) => /"dev":"([^"]+)"/.exec(reply.values.get(key) ?? '')?.[1]);
  }

  /** Hands the candidate over and proves that a trial can begin; nothing that runs is touched. */
  async prepare(): Promise<StepOutcome> {
    const args = [this.#tunnel.interface];
    const reply = await this.#call({ verb: 'prepare', args, payload: this.desired, timeoutMs: QUERY_TIMEOUT_MS });
    return { ok: reply.ok, layer: reply.reason === 'invalid' ? 'implementation' : 'file', message: reply.text };
  }

  /** Runs what was prepared. */
  async trial(): Promise<TrialOutcome> {
    const reply = await this.#call({ verb: 'trial', args: [this.#tunnel.interface], timeoutMs: STEP_TIMEOUT_MS });
    const downUs = reply.values.get('down_us');
    const output = lastLines(reply.values.get('output') ?? '');
    return {
      ok: reply.ok,
      layer: 'link',
      message: reply.ok ? '' : [reply.text, output].filter((text) => text !== '').join(': '),
      downMs: downUs === undefined ? null : Number(downUs) / 1000,
    };
  }

  /** Does all of a confirm that can fail. */
  async stage(keepOld: boolean): Promise<StepOutcome> {
    const args = [this.#tunnel.interface, ...(keepOld ? ['keep'] : [])];
    const reply = await this.#call({ verb: 'stage', args, timeoutMs: QUERY_TIMEOUT_MS });
    return { ok: reply.ok, layer: 'file', message: reply.text };
  }

  /** Makes the staged candidate the file of /etc. An answer that is not ok means that it is not. */
  async confirm(): Promise<Reply> {
    const args = [this.#tunnel.interface];
    const reply = await this.#call({ verb: 'confirm', args, timeoutMs: QUERY_TIMEOUT_MS });
    if (reply.ok && reply.values.get('digest') !== sha256(this.desired)) {
      return { ...reply, ok: false, reason: 'digest', text: 'the file in /etc is not the one that was confirmed' };
    }
    return reply;
  }

  /** Ends the trial, also one that is only prepared. */
  async revert(): Promise<Reply> {
    return await this.#call({ verb: 'revert', args: [this.#tunnel.interface], timeoutMs: STEP_TIMEOUT_MS });
  }

  async #call(command: HostCommand): Promise<Reply> {
    return await this.#session.call(command);
  }

  async #must(command: HostCommand): Promise<Reply> {
    const reply = await this.#call(command);
    if (reply.ok) return reply;
    throw new VxfleetError('host', `${command.verb} failed on ${this.#session.host}: ${reply.text}`, {
      host: this.#session.host,
    });
  }
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** ifup's own words are at the end of its output. */
const lastLines = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-3)
    .join('; ');
