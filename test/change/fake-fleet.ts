/** A hub and a spoke in memory that speak the host program's protocol, so that everything above the transport is the real thing. */
import { VxfleetError } from '../../src/errors.js';
import { TunnelEnd } from '../../src/change/tunnel-end.js';
import type { Pair } from '../../src/change/tunnel.js';
import { Host } from '../../src/host/host.js';
import { HostSession, type RunIdentity } from '../../src/host/host-session.js';
import { parseLinks } from '../../src/verify/kernel-state.js';
import type { End } from '../../src/plan/plan.js';
import type { SessionEnd, Transport } from '../../src/ssh/transport.js';
import { expectEnd } from '../../src/verify/expect-end.js';
import { planFilter } from '../../src/plan/filter.js';
import { filterAnswer, kernelAnswer } from '../verify/kernel-answer.js';
import { samplePlan, type SamplePlan } from '../verify/fleet-plan.js';
import { healthyFacts } from '../preflight/sample-facts.js';

/** What an end runs: nothing, the plan of before, the candidate, or something broken. */
export type Running = 'nothing' | 'old' | 'new' | 'broken';

interface Answer {
  readonly values?: Readonly<Record<string, string>>;
  /** Reason and text of an error. */
  readonly error?: string;
  readonly lost?: true;
  /** It never answers. */
  readonly silent?: true;
}

/** Stands in for the answer to a verb; undefined leaves it to the host. */
export type Twist = (host: FakeHost) => Answer | undefined;

const OLD = samplePlan({ dstport: 4790 });
const NEW: SamplePlan = samplePlan();
export const IDENTITY: RunIdentity = {
  run: 'run-a',
  operator: 'alice@bastion',
  since: '2026-11-23T12:00:00Z',
  command: 'deploy',
};
const CHANGE = 'run-a.1';
const CANDIDATE: Readonly<Record<End, string>> = { hub: 'hub candidate\n', spoke: 'spoke candidate\n' };

export class FakeHost {
  readonly end: End;
  running: Running;
  file: 'old' | 'new' = 'old';
  /** The host's own address of our connection. */
  sshAddress = '198.18.0.1';
  /** The device by which it answers us. */
  sshDevice: string | undefined;
  /** Takes no further connection. */
  isDeaf = false;
  twists = new Map<string, Twist>();
  /** How long it takes to answer a verb, in ms. */
  delays = new Map<string, number>();
  /** Of the last command. */
  args: readonly string[] = [];
  payload = '';
  readonly #fleet: FakeFleet;
  #before: Running = 'nothing';
  #isPrepared = false;
  #isTried = false;

  constructor(fleet: FakeFleet, end: End, running: Running) {
    this.#fleet = fleet;
    this.end = end;
    this.running = running;
  }

  answer(verb: string, args: readonly string[], payload: string): Answer {
    this.args = args;
    this.payload = payload;
    this.#fleet.log.push(`${this.#fleet.title}${this.end} ${verb}`);
    return this.twists.get(verb)?.(this) ?? this.#byItself(verb, payload);
  }

  #byItself(verb: string, payload: string): Answer {
    switch (verb) {
      case 'state':
        return { values: { network: this.kernel(payload) } };
      case 'probe': {
        const answered = this.#fleet.isConnected ? '0 0.2' : '1 no answer';
        const lines = payload.split('\n').filter((line) => line !== '');
        const pings = lines.map((line) => `${line.split(' ')[0]} ${answered}`).join('\n');
        return { values: { pings, answered_at: '1080' } };
      }
      case 'intrude':
        return { values: { counters: countersOf(payload) } };
      case 'prepare':
        this.#isPrepared = true;
        return {};
      case 'trial':
        if (!this.#isPrepared) return { error: 'late nothing is prepared' };
        this.#isTried = true;
        this.#before = this.running;
        this.running = this.#fleet.isRemoval ? 'nothing' : 'new';
        return { values: { down_at: '1000', output: '' } };
      case 'extend':
      case 'promise':
      case 'note':
      case 'takeover':
        return {};
      case 'confirm':
        this.file = 'new';
        return {};
      case 'settle':
        return { values: { outcome: 'peer' } };
      case 'revert':
        if (this.#isTried) this.running = this.#before;
        this.#isPrepared = false;
        return {};
      default:
        return { error: `protocol unknown command ${verb}` };
    }
  }

  /** What it answers to the lines of a `state`. */
  kernel(payload: string): string {
    if (this.running === 'nothing') return '[]';
    const plan = (this.running === 'old' ? OLD : NEW).tunnel;
    const expected = expectEnd(plan, this.end, this.running === 'broken' ? 1400 : 1500);
    const ways = [...payload.matchAll(/^route get (\S+) from (\S+)$/gm)].map(
      ([, dst, from]) => `${JSON.stringify([{ dst, from, dev: 'vxlan0a', flags: [] }])}\n`,
    );
    return (
      kernelAnswer(expected, this.running.length).network + ways.join('') + filterAnswer(planFilter(plan, this.end))
    );
  }
}

export class FakeFleet {
  /** Every command in the order in which it arrived: `hub trial`. */
  readonly log: string[];
  /** Comes before each line of the log. */
  readonly title: string;
  readonly hub: FakeHost;
  readonly spoke: FakeHost;
  /** The change takes the tunnel away. */
  readonly isRemoval: boolean;
  /** Connected once, as in a run. */
  readonly #hosts: Partial<Record<End, Host>> = {};

  constructor(running: Running, isRemoval = false, title = '', log: string[] = []) {
    this.isRemoval = isRemoval;
    this.title = title;
    this.log = log;
    this.hub = new FakeHost(this, 'hub', running);
    this.spoke = new FakeHost(this, 'spoke', running);
  }

  /** Packets come back when both ends run the same. */
  get isConnected(): boolean {
    return this.hub.running === this.spoke.running && ['old', 'new'].includes(this.hub.running);
  }

  async tunnel(): Promise<Pair> {
    const [hub, spoke] = await Promise.all([this.#open(this.hub), this.#open(this.spoke)]);
    return {
      fleet: NEW.fleet,
      plan: NEW.tunnel,
      proven: new Set(),
      change: CHANGE,
      hub,
      spoke,
      expects: this.isRemoval ? 'nothing' : 'plan',
    };
  }

  async #open(host: FakeHost): Promise<TunnelEnd> {
    const connected = (this.#hosts[host.end] ??= await this.#connect(host));
    const text = this.isRemoval ? null : CANDIDATE[host.end];
    return new TunnelEnd(NEW.tunnel, host.end, connected, { text, isCustom: false }, CHANGE);
  }

  async #connect(host: FakeHost): Promise<Host> {
    const name = host.end === 'hub' ? 'hub' : NEW.tunnel.spoke;
    const options = { identity: IDENTITY, windowSeconds: 60, writes: true };
    const reconnect = async (): Promise<HostSession> => {
      this.log.push(`${host.end} connect`);
      if (host.isDeaf) throw new VxfleetError('connect', 'timed out');
      return HostSession.open(transportTo(host), name, NEW.tunnel.ssh, options);
    };
    const session = await HostSession.open(transportTo(host), name, NEW.tunnel.ssh, options);
    const { links } = kernelAnswer(expectEnd(OLD.tunnel, host.end, 1500));
    const up = host.running === 'nothing' ? [] : parseLinks(links);
    const upLinks = new Map(up.map((link) => [link.name, link]));
    const { sshAddress: sshServerAddress, sshDevice } = host;
    const facts = healthyFacts({ links: upLinks, sshServerAddress, sshDevice, cpus: 1 });
    const access = { open: reconnect, inspection: { ways: [], network: [] }, writes: true };
    return new Host(access, session, facts);
  }
}

/** A filter that drops whatever it is to drop: each counter has come to what is waited for, or to less. */
export const countersOf = (payload: string, missing = 0): string =>
  [...payload.matchAll(/^count (\S+) (\d+)$/gm)]
    .map(([, counter, least]) => `${counter} ${Math.max(0, Number(least) - missing)}`)
    .join('\n');

function transportTo(host: FakeHost): Transport {
  return {
    open: async (name) => {
      let listener = (_chunk: Buffer): void => {};
      let end = (_end: SessionEnd): void => {};
      const ended = new Promise<SessionEnd>((resolve) => (end = resolve));
      let nonce: string | undefined;
      return {
        host: name,
        ended,
        onData: (given) => void (listener = given),
        close: async () => {},
        destroy: () => {},
        write: (data) => {
          const text = data.toString();
          if (text.endsWith(' alive 0\n') || text.startsWith('0 load ')) return;
          // The first thing written is the program, which names the nonce first.
          if (nonce === undefined) {
            nonce = /nonce => '(\w+)'/.exec(text)?.[1] ?? '';
            return;
          }
          const lineEnd = text.indexOf('\n');
          const [sequence = '', verb = '', , ...args] = text.slice(0, lineEnd).split(' ');
          const { values = {}, error, lost, silent } = host.answer(verb, args, text.slice(lineEnd + 1));
          if (silent === true) return;
          if (lost === true) {
            end({ exitCode: null, signal: null, lost: 'the connection broke', stderr: '' });
            return;
          }
          const escape = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
          const lines = Object.entries(values).map(([key, value]) => `${nonce} ${sequence} ${key} ${escape(value)}\n`);
          const answer = `${lines.join('')}${nonce} ${sequence} ! ${error ?? 'ok'}\n`;
          setTimeout(() => listener(Buffer.from(answer)), host.delays.get(verb) ?? 0);
        },
      };
    },
  };
}
