import { describe, expect, it } from 'vitest';
import { fetchGeneration, fetchHistory, gatherHistory, type HistoryAccess } from '../../src/jobs/gather-history.js';
import { VxfleetError } from '../../src/errors.js';
import { HostSession } from '../../src/host/host-session.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { selectTunnels } from '../../src/plan/select-tunnels.js';
import type { Transport } from '../../src/ssh/transport.js';
import { record, RUN, storedFile } from '../history/sample-records.js';
import { inventory, spoke } from '../render/fleet.js';

/** What a host answers to a command, as values or as reason and text. */
type Answer = Readonly<Record<string, string>> | string;

/** Hosts in memory that speak the host program's protocol. A host without answers cannot be reached. */
class FakeHosts implements Transport {
  /** Every command in the order in which it arrived: `hub history vxlan01`. */
  readonly log: string[] = [];
  openNow = 0;
  openMost = 0;
  readonly #answers: ReadonlyMap<string, Answer>;

  constructor(answers: Readonly<Record<string, Answer>>) {
    this.#answers = new Map(Object.entries(answers));
  }

  readonly open: Transport['open'] = async (host) => {
    const answer = this.#answers.get(host);
    if (answer === undefined) throw new VxfleetError('connect', `${host}: connection refused`, { host });
    this.openMost = Math.max(this.openMost, ++this.openNow);
    let listener = (_chunk: Buffer): void => {};
    let nonce: string | undefined;
    return {
      host,
      ended: new Promise(() => {}),
      onData: (given) => void (listener = given),
      close: async () => void (this.openNow -= 1),
      destroy: () => {},
      write: (data) => {
        const text = data.toString();
        // The first thing written is the program, which names the nonce first.
        if (nonce === undefined) nonce = /nonce => '(\w+)/.exec(text)?.[1] ?? '';
        else {
          const [sequence, verb, , ...args] = text.trim().split(' ');
          this.log.push([host, verb, ...args].join(' '));
          setImmediate(() => listener(Buffer.from(reply(`${nonce} ${sequence}`, answer))));
        }
      },
    };
  };
}

function reply(prefix: string, answer: Answer): string {
  if (typeof answer === 'string') return `${prefix} ! ${answer}\n`;
  const lines = Object.entries(answer).map(
    ([key, value]) => `${prefix} ${key} ${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`,
  );
  return `${lines.join('')}${prefix} ! ok\n`;
}

const FLEET = makePlan(inventory('2001:db8:ae00::/40', [spoke('tokyo', 1), spoke('osaka', 10)]));
const SESSION = {
  identity: { run: 'run-a', operator: 'alice@bastion', since: '2026-11-23T12:00:00Z', command: 'history' },
  windowSeconds: 60,
  writes: false,
} as const;

const access = (transport: Transport, forks = 32): HistoryAccess => ({
  fleet: FLEET,
  transport,
  session: SESSION,
  forks,
});
const select = (...limits: string[]) => selectTunnels(FLEET, limits);

const atHub = storedFile(1, 'confirmed');
const atTokyo = storedFile(1, 'confirmed', { end: 'spoke' });
const gone = storedFile(4, 'confirmed', { spoke: 'sapporo' });

describe('gatherHistory', () => {
  it('asks the hub and every spoke for all that they keep, tunnels included that are in no inventory any more', async () => {
    const hosts = new FakeHosts({
      hub: { [`vxlan01/${atHub.name}`]: atHub.header, [`vxlan07/${gone.name}`]: gone.header, damaged: '' },
      tokyo: { [`vxlan01/${atTokyo.name}`]: atTokyo.header },
      osaka: {},
    });
    const history = await gatherHistory(access(hosts), select());
    expect(hosts.log.sort()).toEqual(['hub history', 'osaka history', 'tokyo history']);
    expect(history.unread).toEqual([]);
    expect(history.hosts.map(({ host, ends }) => [host, ...ends.keys()])).toEqual([
      ['hub', 'vxlan01', 'vxlan07'],
      ['tokyo', 'vxlan01'],
      ['osaka'],
    ]);
    expect(history.hosts[0]?.ends.get('vxlan07')?.records[0]?.spoke).toBe('sapporo');
    expect(hosts.openNow).toBe(0);
  });

  it('asks only for the selected tunnels', async () => {
    const hosts = new FakeHosts({ hub: {}, tokyo: {}, osaka: {} });
    await gatherHistory(access(hosts), select('osaka'));
    expect(hosts.log.sort()).toEqual(['hub history vxlan0a', 'osaka history vxlan0a']);
  });

  it('contacts no spoke for the hub’s ends', async () => {
    const hosts = new FakeHosts({ hub: {} });
    expect((await gatherHistory(access(hosts), select('hub'))).unread).toEqual([]);
    expect(hosts.log).toEqual(['hub history']);
  });

  it('has the rest when some hosts do not answer, and says which', async () => {
    const hosts = new FakeHosts({
      hub: { [`vxlan01/${atHub.name}`]: atHub.header },
      osaka: 'store cannot read /var/lib/vxfleet',
    });
    const { hosts: read, unread } = await gatherHistory(access(hosts), select());
    expect(read.map(({ host }) => host)).toEqual(['hub']);
    expect(unread.map(({ host, error }) => [host, error.code, error.message])).toEqual([
      ['tokyo', 'connect', 'tokyo: connection refused'],
      ['osaka', 'host', 'history failed on osaka: cannot read /var/lib/vxfleet'],
    ]);
    expect(hosts.openNow).toBe(0);
  });

  it('asks no more hosts at once than it may', async () => {
    const hosts = new FakeHosts({ hub: {}, tokyo: {}, osaka: {} });
    await gatherHistory(access(hosts, 2), select());
    expect(hosts.openMost).toBe(2);
  });
});

describe('fetchHistory', () => {
  it('asks on a session that is open already', async () => {
    const hosts = new FakeHosts({ hub: { [`vxlan01/${atHub.name}`]: atHub.header } });
    const session = await HostSession.open(hosts, 'hub', FLEET.hub.ssh, SESSION);
    const { ends } = await fetchHistory(session, ['vxlan01', 'vxlan0a']);
    expect(hosts.log).toEqual(['hub history vxlan01 vxlan0a']);
    expect(ends.get('vxlan01')?.records.map(({ run }) => run)).toEqual([RUN]);
  });
});

describe('fetchGeneration', () => {
  const fetchFrom = async (answer: Answer) => {
    const session = await HostSession.open(new FakeHosts({ hub: answer }), 'hub', FLEET.hub.ssh, SESSION);
    return await fetchGeneration(session, record(1, { name: atHub.name }));
  };

  it('has the file byte for byte', async () => {
    expect((await fetchFrom({ content: atHub.content })).text).toBe('iface vxlan01 inet6 manual\n');
  });

  it('refuses what is not what its name says', async () => {
    await expect(fetchFrom({ content: atHub.content.replace('manual', 'static') })).rejects.toMatchObject({
      code: 'refused',
      host: 'hub',
    });
    await expect(fetchFrom({})).rejects.toMatchObject({ code: 'refused' });
  });

  it('says so when the host has no such record', async () => {
    await expect(fetchFrom('refused there is no record')).rejects.toMatchObject({
      code: 'host',
      message: 'generation failed on hub: there is no record',
    });
  });
});
