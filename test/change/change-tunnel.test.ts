import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { ChangeRun, Target } from '../../src/change/change.js';
import { changeTunnels } from '../../src/change/change-tunnel.js';
import { endsOf, type Pair } from '../../src/change/tunnel.js';
import type { RunEvent, TunnelResult } from '../../src/events.js';
import type { End } from '../../src/plan/plan.js';
import { FakeFleet, type FakeHost, IDENTITY } from './fake-fleet.js';

const BOTH: readonly End[] = ['hub', 'spoke'];

interface Options extends Partial<ChangeRun> {
  readonly windowSeconds?: number;
}

async function change(
  fleet: FakeFleet,
  names: readonly End[] = BOTH,
  { windowSeconds = 60, ...options }: Options = {},
  pair?: Pair,
): Promise<TunnelResult> {
  const tunnel = pair ?? (await fleet.tunnel());
  const ends = endsOf(tunnel).filter(({ end }) => names.includes(end));
  const session = { identity: IDENTITY, windowSeconds };
  const [result] = await changeAll([{ tunnel, ends, still: [], noted: [tunnel.hub] }], { session, ...options });
  if (result === undefined) throw new Error('no result');
  return result;
}

async function changeAll(targets: readonly Target[], options: Partial<ChangeRun> = {}): Promise<TunnelResult[]> {
  const { signal } = new AbortController();
  const session = { identity: IDENTITY, windowSeconds: 60 };
  const run = { verifySeconds: 1, session, signal, emit: () => {}, ...options };
  return await changeTunnels(targets, run, async () => null);
}

/** Takes what is told of a change. */
const onEvent =
  <E extends RunEvent['event']>(name: E, take: (event: Extract<RunEvent, { event: E }>) => void): ChangeRun['emit'] =>
  (event) => {
    if (event.event === name) take(event as Extract<RunEvent, { event: E }>);
  };

const changes = ({ log }: FakeFleet): string[] =>
  log.filter((line) => /trial|promise|confirm|revert|settle|note/.test(line));
const error = (text: string) => () => ({ error: text });

describe('a change that works', () => {
  it('is tried on both ends, proven from both, and only then confirmed, the spoke first', async () => {
    const fleet = new FakeFleet('old');
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'changed', ends: { hub: 'changed', spoke: 'changed' }, error: null });
    expect(outcome.checks).toHaveLength(6);
    expect(outcome.down_ms).toBe(80);
    expect(changes(fleet)).toEqual(['hub trial', 'spoke trial', 'hub promise', 'spoke confirm', 'hub confirm']);
    const proofs = fleet.log.slice(fleet.log.lastIndexOf('spoke trial') + 1, fleet.log.indexOf('hub promise'));
    expect(proofs.sort()).toEqual(['hub probe', 'hub state', 'spoke probe', 'spoke state']);
  });

  it('is so for a tunnel that is new', async () => {
    expect(await change(new FakeFleet('nothing'))).toMatchObject({ status: 'changed', error: null });
  });

  it('waits for its turn at the hub, and gives it back when the hub is done, whatever the spoke still does', async () => {
    const fleet = new FakeFleet('old');
    const tunnel = await fleet.tunnel();
    const endTurn = await tunnel.hub.takeTurn();
    fleet.spoke.twists.set('trial', () => ({ silent: true }));
    void change(fleet, BOTH, {}, tunnel);
    await setTimeout(20);
    expect(changes(fleet)).toEqual([]);
    endTurn();
    await vi.waitFor(() => expect(changes(fleet)).toEqual(['hub trial', 'spoke trial']), 30_000);
    const endNext = await tunnel.hub.takeTurn();
    endNext();
  });

  it('prepares anew when the wait for its turn has used up much of the window', async () => {
    const fleet = new FakeFleet('old');
    const tunnel = await fleet.tunnel();
    const endTurn = await tunnel.hub.takeTurn();
    const outcome = change(fleet, BOTH, { windowSeconds: 0.2 }, tunnel);
    await vi.waitFor(() => expect(fleet.log).toEqual(expect.arrayContaining(['hub prepare', 'spoke prepare'])), 30_000);
    await setTimeout(100);
    endTurn();
    expect(await outcome).toMatchObject({ status: 'changed' });
    const steps = fleet.log.filter((line) => /^hub (prepare|revert|trial)/.test(line));
    expect(steps).toEqual(['hub prepare', 'hub revert', 'hub prepare', 'hub trial']);
  });

  it('that only touches the spoke waits for no turn', async () => {
    const fleet = new FakeFleet('old');
    const tunnel = await fleet.tunnel();
    await tunnel.hub.takeTurn();
    expect(await change(fleet, ['spoke'], {}, tunnel)).not.toMatchObject({ status: 'skipped' });
  });

  it('is dropped when it is interrupted while it waits for its turn', async () => {
    const fleet = new FakeFleet('old');
    const tunnel = await fleet.tunnel();
    const endTurn = await tunnel.hub.takeTurn();
    const controller = new AbortController();
    const outcome = change(fleet, BOTH, { signal: controller.signal }, tunnel);
    await setTimeout(20);
    controller.abort();
    endTurn();
    expect(await outcome).toMatchObject({ status: 'skipped', ends: { hub: 'untouched', spoke: 'untouched' } });
    expect(changes(fleet)).toEqual(['hub revert', 'spoke revert']);
  });

  it('tells the end first that is reached through the tunnel itself', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.sshDevice = 'vxlan0a';
    fleet.hub.twists.set('trial', () => (fleet.log.push(`spoke runs ${fleet.spoke.running}`), undefined));
    expect(await change(fleet)).toMatchObject({ status: 'changed' });
    expect(changes(fleet).slice(0, 2)).toEqual(['spoke trial', 'hub trial']);
    expect(fleet.log).toContain('spoke runs new');
  });

  it('goes through its steps in order', async () => {
    const steps: string[] = [];
    await change(new FakeFleet('old'), BOTH, { emit: onEvent('step', ({ step }) => steps.push(step)) });
    expect(steps).toEqual(['prepare', 'trial', 'verify', 'confirm']);
  });

  it('leaves the end alone that does not change', async () => {
    const fleet = new FakeFleet('new');
    const outcome = await change(fleet, ['hub']);
    expect(outcome).toMatchObject({ status: 'changed', ends: { hub: 'changed', spoke: 'unchanged' } });
    expect(changes(fleet)).toEqual(['hub trial', 'hub confirm']);
  });
});

describe('a change that fails is taken back, and the old state is proven', () => {
  it.each<[string, (fleet: FakeFleet) => void, object]>([
    [
      'ifup fails on the spoke',
      (fleet) =>
        fleet.spoke.twists.set(
          'trial',
          (host) => (
            (host.running = 'nothing'),
            { error: 'ifup ifup failed with status 1', values: { output: 'a\nRTNETLINK' } }
          ),
        ),
      { code: 'host', end: 'spoke', layer: 'link', message: 'ifup failed with status 1: a; RTNETLINK' },
    ],
    [
      'the kernel is not as planned',
      (fleet) => fleet.hub.twists.set('trial', (host) => ((host.running = 'broken'), { values: { down_at: '1000' } })),
      { code: 'verify', end: 'hub', layer: 'params' },
    ],
    [
      'a source leaves by another device',
      (fleet) => fleet.spoke.twists.set('state', (host) => ({ values: { network: host.kernel('') } })),
      { code: 'verify', end: 'spoke', layer: 'policy' },
    ],
    [
      'the spoke cannot confirm',
      (fleet) => fleet.spoke.twists.set('confirm', error('full cannot write')),
      { code: 'host', end: 'spoke', layer: 'file' },
    ],
  ])('%s', async (_title, twist, failure) => {
    const fleet = new FakeFleet('old');
    twist(fleet);
    // Whatever a twist left running, going back is going back.
    for (const host of [fleet.hub, fleet.spoke]) host.twists.set('revert', (h) => ((h.running = 'old'), {}));
    const outcome = await change(fleet);
    expect(outcome.status).toBe('reverted');
    expect(outcome.error).toMatchObject(failure);
    expect([fleet.hub.running, fleet.spoke.running]).toEqual(['old', 'old']);
    expect([fleet.hub.file, fleet.spoke.file]).toEqual(['old', 'old']);
    const afterRevert = fleet.log.slice(fleet.log.findLastIndex((line) => line.endsWith('revert')) + 1);
    expect(afterRevert).toEqual(expect.arrayContaining(['hub state', 'spoke state', 'hub probe', 'spoke probe']));
  });

  it('when a host is lost in its trial and comes back: it has ended the trial alone', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.twists.set('trial', (host) => {
      host.twists.set('revert', error('late no trial of this run is open'));
      return { lost: true };
    });
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'reverted', error: { code: 'lost', end: 'spoke' } });
    expect(fleet.log).toContain('spoke connect');
  });

  it('when packets do not come back', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.twists.set('probe', (host) => (host.running === 'new' ? { values: {} } : undefined));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'reverted', ends: { hub: 'reverted', spoke: 'reverted' } });
    expect(outcome.error).toMatchObject({ code: 'verify', end: 'spoke', layer: 'peer' });
    expect(outcome.checks.filter(({ ok }) => ok)).toHaveLength(3);
    expect(changes(fleet).filter((line) => line.includes('confirm'))).toEqual([]);
  });

  it('when it is interrupted in the trial', async () => {
    const fleet = new FakeFleet('old');
    const controller = new AbortController();
    const emit = onEvent('step', ({ step }) => step === 'trial' && controller.abort());
    const outcome = await change(fleet, BOTH, { signal: controller.signal, emit });
    expect(outcome).toMatchObject({ status: 'reverted', error: { code: 'interrupted' } });
    expect(changes(fleet).sort()).toEqual(['hub revert', 'hub trial', 'spoke revert', 'spoke trial']);
  });
});

describe('what is said of a change that was put back', () => {
  const failing = (running: 'old' | 'nothing'): FakeFleet => {
    const fleet = new FakeFleet(running);
    fleet.spoke.twists.set('probe', (host) => (host.running === 'new' ? { values: {} } : undefined));
    return fleet;
  };

  it('is that the old state answers, and for how long the tunnel did not', async () => {
    const outcome = await change(failing('old'));
    expect(outcome).toMatchObject({ status: 'reverted', put_back: 'answers', down_ms: 80 });
  });

  it('is that it was silent before', async () => {
    const fleet = failing('old');
    for (const host of [fleet.hub, fleet.spoke]) host.twists.set('probe', () => ({ values: {} }));
    expect(await change(fleet)).toMatchObject({ status: 'reverted', put_back: 'silent', down_ms: null });
  });

  it('is that there was nothing before', async () => {
    expect(await change(failing('nothing'))).toMatchObject({ status: 'reverted', put_back: 'nothing', down_ms: null });
  });
});

describe('a proof', () => {
  it('does not wait for packets when the kernel already shows what is wrong', async () => {
    const fleet = new FakeFleet('old');
    fleet.hub.twists.set('trial', (host) => ((host.running = 'broken'), { values: { down_at: '1000' } }));
    fleet.hub.twists.set('revert', (host) => ((host.running = 'old'), {}));
    fleet.spoke.twists.set('probe', (host) => (host.running === 'new' ? { silent: true } : undefined));
    const outcome = await change(fleet, BOTH, { verifySeconds: 100 });
    expect(outcome).toMatchObject({ status: 'reverted', error: { end: 'hub', layer: 'params' }, down_ms: 80 });
  });

  it.each([
    ['answered before', 'old', '2'],
    ['did not', 'nothing', '10'],
  ] as const)('gives packets less time where the old end %s', async (_title, running, seconds) => {
    const fleet = new FakeFleet(running);
    const times: (string | undefined)[] = [];
    fleet.hub.twists.set('probe', (host) => (times.push(host.args[1]), undefined));
    await change(fleet, BOTH, { verifySeconds: undefined });
    expect(times.at(-1)).toBe(seconds);
  });
});

describe('an extension that is not answered', () => {
  it('is no promise of the hub: it may reach the spoke afterwards', async () => {
    const fleet = new FakeFleet('old');
    fleet.hub.delays.set('probe', 200);
    losing('extend', 1)(fleet.spoke);
    expect(await change(fleet, BOTH, { windowSeconds: 0.4 })).toMatchObject({
      status: 'reverted',
      error: { code: 'lost', end: 'spoke' },
    });
    expect(changes(fleet)).not.toContain('hub promise');
  });
});

describe('an end that cannot begin', () => {
  it.each([
    ['refused cannot write', 'file'],
    ['invalid ifup -n: x', 'implementation'],
  ])('leaves both ends untouched: %s', async (refusal, layer) => {
    const fleet = new FakeFleet('old');
    fleet.hub.twists.set('prepare', error(refusal));
    const outcome = await change(fleet);
    expect(fleet.log.filter((line) => line.endsWith('trial'))).toEqual([]);
    expect(fleet.log).toContain('spoke revert');
    expect(outcome).toMatchObject({
      status: 'failed',
      ends: { hub: 'untouched', spoke: 'untouched' },
      error: { code: 'refused', end: 'hub', layer },
    });
  });
});

describe('an interrupt in the proof', () => {
  it('does not wait for packets: what is in trial goes back at once', async () => {
    const fleet = new FakeFleet('old');
    const controller = new AbortController();
    fleet.spoke.twists.set('probe', (host) => {
      if (host.running !== 'new') return undefined;
      setImmediate(() => controller.abort());
      return { silent: true };
    });
    const outcome = await change(fleet, BOTH, { signal: controller.signal });
    expect(outcome).toMatchObject({ status: 'reverted', error: { code: 'interrupted' } });
    expect(changes(fleet)).toEqual(['hub trial', 'spoke trial', 'hub revert', 'spoke revert']);
  });
});

describe('nothing is touched, and what was prepared is forgotten', () => {
  it('when the interrupt comes before the trial', async () => {
    const fleet = new FakeFleet('old');
    const outcome = await change(fleet, BOTH, { signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ status: 'skipped', ends: { hub: 'untouched', spoke: 'untouched' }, down_ms: null });
    expect(changes(fleet)).toEqual(['hub revert', 'spoke revert']);
  });

  it('when the state of before cannot be read', async () => {
    const fleet = new FakeFleet('old');
    fleet.hub.twists.set('state', error('host no'));
    expect(await change(fleet)).toMatchObject({ status: 'failed', error: { code: 'host', end: 'hub' } });
    expect(changes(fleet)).toEqual(['hub revert', 'spoke revert']);
  });

  it('when both ends refuse', async () => {
    const fleet = new FakeFleet('old');
    for (const host of [fleet.hub, fleet.spoke]) host.twists.set('prepare', error('busy a trial is running'));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'failed', ends: { hub: 'untouched', spoke: 'untouched' } });
    expect(changes(fleet)).toEqual(['hub revert', 'spoke revert']);
  });
});

describe('a way back that is not proven is its own outcome', () => {
  const broken = (): FakeFleet => {
    const fleet = new FakeFleet('old');
    fleet.spoke.twists.set('probe', (host) => (host.running === 'new' ? { values: {} } : undefined));
    return fleet;
  };

  it('when a revert fails', async () => {
    const fleet = broken();
    fleet.hub.twists.set('revert', error('stuck what ran before did not come up again'));
    const outcome = await change(fleet);
    expect(outcome.status).toBe('unknown');
    expect(outcome.error?.message).toContain('hub: what ran before did not come up again');
    expect(changes(fleet)).toContain('spoke revert');
  });

  it('when the kernel is not what it was', async () => {
    const fleet = broken();
    fleet.hub.twists.set('revert', (host) => ((host.running = 'broken'), {}));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'unknown', ends: { hub: 'unknown', spoke: 'unknown' } });
    expect(outcome.error?.message).toContain("the kernel state of the hub's end is not what it was");
  });

  it('when what answered before is silent', async () => {
    const fleet = broken();
    let reverted = false;
    fleet.hub.twists.set('revert', () => ((reverted = true), undefined));
    fleet.hub.twists.set('probe', () => (reverted ? { values: {} } : undefined));
    const outcome = await change(fleet);
    expect(outcome.status).toBe('unknown');
    expect(outcome.error?.message).toMatch(/answered .* before and does not now/);
  });

  it('when a host is lost in its trial and does not come back; the other one is taken back', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.twists.set('trial', () => ({ lost: true }));
    fleet.spoke.isDeaf = true;
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'unknown', error: { code: 'lost', end: 'spoke', layer: 'ssh' } });
    expect(changes(fleet)).toContain('hub revert');
    expect(fleet.hub.running).toBe('old');
  });

  it('when the hub finds its promise ended after the spoke has confirmed', async () => {
    const fleet = new FakeFleet('old');
    fleet.hub.twists.set('confirm', error('late it was ended'));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'unknown', ends: { hub: 'unknown', spoke: 'changed' } });
    expect(outcome.error?.message).toContain("the spoke's end is confirmed already");
    expect(changes(fleet).at(-1)).toBe('hub confirm');
  });

  it('when the hub runs the new end and cannot write its file', async () => {
    const fleet = new FakeFleet('old');
    fleet.hub.twists.set('confirm', error('pending vxlan0a runs the new end, but'));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'unknown', ends: { hub: 'unknown', spoke: 'changed' } });
    expect(changes(fleet).at(-1)).toBe('hub confirm');
  });
});

/** A host that is lost at this verb, once or for ever. */
const losing = (verb: string, times: number) => {
  let left = times;
  return (host: FakeHost): void => {
    host.twists.set(verb, () => (left-- > 0 ? { lost: true } : undefined));
  };
};

describe('a spoke that is lost while it confirms', () => {
  it('is asked again over a new session, and the hub follows', async () => {
    const fleet = new FakeFleet('old');
    losing('confirm', 1)(fleet.spoke);
    expect(await change(fleet)).toMatchObject({ status: 'changed', ends: { hub: 'changed', spoke: 'changed' } });
    const steps = fleet.log.filter((line) => /promise|confirm|connect/.test(line));
    expect(steps).toEqual(['hub promise', 'spoke confirm', 'spoke connect', 'spoke confirm', 'hub confirm']);
  });

  it.each([
    ['confirmed', /the hub found osaka on the new end, and keeps it too/],
    ['peer', /the hub did not find osaka on the new end, and went back to the old one/],
  ])('and stays lost is not known; the hub finds out alone and says what it did: %s', async (outcome, message) => {
    const fleet = new FakeFleet('old');
    losing('confirm', 1)(fleet.spoke);
    fleet.spoke.isDeaf = true;
    fleet.hub.twists.set('settle', () => ({ values: { outcome } }));
    const result = await change(fleet);
    expect(result).toMatchObject({ status: 'unknown' });
    expect(result.error?.message).toMatch(message);
    expect(changes(fleet)).toEqual(['hub trial', 'spoke trial', 'hub promise', 'spoke confirm', 'hub settle']);
  });

  it('and had put its end back when it is found again is reverted, with the hub', async () => {
    const fleet = new FakeFleet('old');
    losing('confirm', 1)(fleet.spoke);
    const confirm = fleet.spoke.twists.get('confirm');
    fleet.spoke.twists.set('confirm', (host) => {
      const lost = confirm?.(host);
      host.running = 'old';
      host.twists.set('revert', error('late no trial of this run is open'));
      return lost ?? { error: 'late too late: the session was gone' };
    });
    expect(await change(fleet)).toMatchObject({ status: 'reverted', ends: { hub: 'reverted', spoke: 'reverted' } });
    expect(changes(fleet).filter((line) => line.startsWith('hub'))).toEqual(['hub trial', 'hub promise', 'hub revert']);
  });
});

describe('a hub that is lost after its promise', () => {
  it('is told over a new session that the spoke has confirmed', async () => {
    const fleet = new FakeFleet('old');
    losing('confirm', 1)(fleet.hub);
    expect(await change(fleet)).toMatchObject({ status: 'changed' });
    expect(changes(fleet).slice(-2)).toEqual(['hub confirm', 'hub confirm']);
  });

  it('and stays lost finds out alone', async () => {
    const fleet = new FakeFleet('old');
    losing('confirm', 1)(fleet.hub);
    fleet.hub.isDeaf = true;
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'unknown', ends: { hub: 'unknown', spoke: 'changed' } });
    expect(outcome.error?.message).toContain('finds out alone that the spoke is confirmed');
    expect(changes(fleet).filter((line) => line.includes('revert'))).toEqual([]);
  });
});

describe('a confirm that comes too late', () => {
  it('is reported as put back, with what the host did instead', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.twists.set('confirm', (host) => {
      host.running = 'old';
      host.twists.set('revert', error('late no trial of this run is open'));
      return { error: 'late too late: the window of vxlan0a was over, and this host put the old end back' };
    });
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'reverted', ends: { hub: 'reverted', spoke: 'reverted' } });
    expect(outcome.error?.message).toContain('too late: the window of vxlan0a was over');
    expect(changes(fleet).filter((line) => line.startsWith('hub'))).toEqual(['hub trial', 'hub promise', 'hub revert']);
  });
});

describe('a change of one end', () => {
  it('needs no promise', async () => {
    const fleet = new FakeFleet('new');
    await change(fleet, ['hub']);
    expect(changes(fleet)).toEqual(['hub trial', 'hub confirm']);
  });

  it("of the spoke's is kept in the hub's history too", async () => {
    const fleet = new FakeFleet('new');
    expect(await change(fleet, ['spoke'])).toMatchObject({ status: 'changed' });
    expect(changes(fleet)).toEqual(['spoke trial', 'spoke confirm', 'hub note']);
  });

  it('has succeeded also when that cannot be kept, and says so', async () => {
    const fleet = new FakeFleet('new');
    fleet.hub.twists.set('note', error('store is /var full?'));
    const warnings: string[] = [];
    const emit = onEvent('notice', ({ message }) => warnings.push(message));
    expect(await change(fleet, ['spoke'], { emit })).toMatchObject({ status: 'changed' });
    expect(warnings.join()).toMatch(/not in the hub's history: .*is \/var full/);
  });

  it('is not known when the end is lost while it confirms and does not come back', async () => {
    const fleet = new FakeFleet('new');
    fleet.hub.twists.set('confirm', () => ({ lost: true }));
    fleet.hub.isDeaf = true;
    expect(await change(fleet, ['hub'])).toMatchObject({ status: 'unknown' });
  });
});

describe('a session of the hub that is lost', () => {
  const connects = ({ log }: FakeFleet): string[] => log.filter((line) => line === 'hub connect');

  it('is opened once more for all, and the tunnels that follow are changed', async () => {
    const fleet = new FakeFleet('old');
    losing('trial', 1)(fleet.hub);
    expect(await change(fleet)).toMatchObject({ status: 'reverted', error: { code: 'lost', end: 'hub' } });
    expect(await change(fleet)).toMatchObject({ status: 'changed', ends: { hub: 'changed', spoke: 'changed' } });
    expect(connects(fleet)).toHaveLength(1);
  });

  it('while a tunnel waits for its turn is no failure of it: it is prepared anew', async () => {
    const fleet = new FakeFleet('old');
    const tunnel = await fleet.tunnel();
    const endTurn = await tunnel.hub.takeTurn();
    const waits = vi.spyOn(tunnel.hub, 'takeTurn');
    const outcome = change(fleet, BOTH, {}, tunnel);
    await vi.waitFor(() => expect(waits).toHaveBeenCalled(), 30_000);
    losing('note', 1)(fleet.hub);
    await expect((await fleet.tunnel()).hub.note('', '')).rejects.toThrow(/lost/);
    endTurn();
    expect(await outcome).toMatchObject({ status: 'changed' });
    expect(connects(fleet)).toHaveLength(1);
  });

  it('and cannot be opened again is not asked for by each tunnel', async () => {
    const fleet = new FakeFleet('old');
    losing('trial', 1)(fleet.hub);
    fleet.hub.isDeaf = true;
    await change(fleet);
    expect(await change(fleet)).toMatchObject({ status: 'failed', ends: { hub: 'untouched', spoke: 'untouched' } });
    expect(connects(fleet)).toHaveLength(1);
  });
});

describe('a host that is reached over IPv6', () => {
  it.each([
    ['an address of the fleet', { sshAddress: '2001:db8:ae0a::1' }, 1],
    ['any address, through the tunnel', { sshAddress: '198.18.0.1', sshDevice: 'vxlan0a' }, 1],
    ['an address of its own', { sshAddress: '2001:db8:ffff::1', sshDevice: 'eth0' }, 0],
  ])(
    'as the hub at %s is confirmed over a new connection if that may be a tunnel',
    async (_title, reached, connections) => {
      const fleet = new FakeFleet('old');
      Object.assign(fleet.hub, reached);
      expect(await change(fleet)).toMatchObject({ status: 'changed' });
      expect(fleet.log.filter((line) => line === 'hub connect')).toHaveLength(connections);
    },
  );

  it('is confirmed over a new connection, made before the hub promises', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.sshAddress = '2001:db8:ae0a::1';
    expect(await change(fleet)).toMatchObject({ status: 'changed' });
    const steps = fleet.log.filter((line) => /connect|promise|confirm/.test(line));
    expect(steps).toEqual(['spoke connect', 'hub promise', 'spoke confirm', 'hub confirm']);
  });

  it('is put back when no new connection can be made', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.sshAddress = '2001:db8:ae0a::1';
    fleet.spoke.isDeaf = true;
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'reverted', error: { code: 'connect', end: 'spoke' } });
    expect(changes(fleet)).not.toContain('hub promise');
  });
});

describe('a tunnel that is taken away', () => {
  it('is proven to be gone', async () => {
    const fleet = new FakeFleet('old', true);
    expect(await change(fleet)).toMatchObject({ status: 'removed', checks: [] });
  });

  it('is put back when something of it is left', async () => {
    const fleet = new FakeFleet('old', true);
    fleet.hub.twists.set('trial', () => ({ values: { down_at: '1010' } }));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'reverted', error: { end: 'hub', layer: 'link' } });
    expect(outcome.error?.message).toContain('still exists');
  });
});

describe('a site that gets another id', () => {
  /** Its old tunnel and its new one. */
  const moving = (): { readonly log: string[]; readonly old: FakeFleet; readonly next: FakeFleet } => {
    const log: string[] = [];
    return { log, old: new FakeFleet('old', true, 'old ', log), next: new FakeFleet('nothing', false, 'new ', log) };
  };
  const move = async ({ old, next }: ReturnType<typeof moving>): Promise<TunnelResult[]> => {
    const tunnels = [await old.tunnel(), await next.tunnel()];
    return await changeAll(tunnels.map((tunnel) => ({ tunnel, ends: endsOf(tunnel), still: [], noted: [tunnel.hub] })));
  };
  const steps = ({ log }: { readonly log: readonly string[] }): string[] =>
    log.filter((line) => /trial|promise|confirm|revert|settle/.test(line));

  it('loses the old tunnel for the trial alone, and gives it up when the new one is decided', async () => {
    const site = moving();
    expect(await move(site)).toMatchObject([{ status: 'removed' }, { status: 'changed' }]);
    expect(steps(site)).toEqual([
      'old hub trial',
      'old spoke trial',
      'new hub trial',
      'new spoke trial',
      'new hub promise',
      'new spoke confirm',
      'new hub confirm',
      'old hub promise',
      'old spoke confirm',
      'old hub confirm',
    ]);
    expect(site.log.findLastIndex((line) => line.endsWith('prepare'))).toBeLessThan(site.log.indexOf('old hub trial'));
  });

  it('has the old tunnel again when the new one is not proven', async () => {
    const site = moving();
    site.next.spoke.twists.set('probe', () => ({ values: {} }));
    expect(await move(site)).toMatchObject([
      { status: 'reverted', put_back: 'answers', error: { layer: 'peer' } },
      { status: 'reverted', put_back: 'nothing', error: { layer: 'peer' } },
    ]);
    expect(steps(site).slice(4)).toEqual(['new hub revert', 'new spoke revert', 'old hub revert', 'old spoke revert']);
    expect([site.old.hub.running, site.old.spoke.running]).toEqual(['old', 'old']);
  });

  it('keeps the old tunnel when the new one cannot be prepared', async () => {
    const site = moving();
    site.next.hub.twists.set('prepare', error('invalid ifup -n: x'));
    expect(await move(site)).toMatchObject([{ status: 'failed' }, { status: 'failed' }]);
    expect(steps(site).filter((line) => line.endsWith('trial'))).toEqual([]);
  });

  it('has the new tunnel also when the old one cannot be given up', async () => {
    const site = moving();
    site.old.spoke.twists.set('confirm', error('full cannot write'));
    expect(await move(site)).toMatchObject([{ status: 'reverted' }, { status: 'changed', error: null }]);
  });
});
