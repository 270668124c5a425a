import { describe, expect, it } from 'vitest';
import { type ChangeOptions, type ChangeOutcome, changeTunnel } from '../../src/deploy/change-tunnel.js';
import type { End } from '../../src/plan/plan.js';
import { FakeFleet } from './fake-fleet.js';

const BOTH: readonly End[] = ['hub', 'spoke'];

async function change(
  fleet: FakeFleet,
  ends: readonly End[] = BOTH,
  options: Partial<ChangeOptions> = {},
): Promise<ChangeOutcome> {
  const signal = new AbortController().signal;
  const onStep = (): void => {};
  return await changeTunnel(await fleet.tunnel(), ends, { verifySeconds: 1, adopt: false, signal, onStep, ...options });
}

const changes = ({ log }: FakeFleet): string[] => log.filter((line) => /trial|confirm|revert/.test(line));
const error = (text: string) => () => ({ error: text });

describe('a change that works', () => {
  it('is tried on both ends, proven from both, and only then confirmed, the spoke first', async () => {
    const fleet = new FakeFleet('old');
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'changed', ends: { hub: 'changed', spoke: 'changed' }, failure: null });
    expect(outcome.checks).toHaveLength(6);
    expect(outcome.downMs).not.toBeNull();
    expect(changes(fleet)).toEqual(['hub trial', 'spoke trial', 'spoke confirm', 'hub confirm']);
    const proofs = fleet.log.slice(fleet.log.lastIndexOf('spoke trial') + 1, fleet.log.indexOf('spoke confirm'));
    expect(proofs.sort()).toEqual([
      'hub probe',
      'hub stage',
      'hub state',
      'spoke probe',
      'spoke route',
      'spoke stage',
      'spoke state',
    ]);
  });

  it('is so for a tunnel that is new', async () => {
    expect(await change(new FakeFleet('nothing'))).toMatchObject({ status: 'changed', failure: null });
  });

  it('goes through its steps in order', async () => {
    const steps: string[] = [];
    await change(new FakeFleet('old'), BOTH, { onStep: (step) => steps.push(step) });
    expect(steps).toEqual(['trial', 'verify', 'confirm']);
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
      (fleet) => fleet.hub.twists.set('trial', (host) => ((host.running = 'broken'), { values: { down_us: '1' } })),
      { code: 'verify', end: 'hub', layer: 'params' },
    ],
    [
      'a source leaves by another device',
      (fleet) => fleet.spoke.twists.set('route', () => ({ values: {} })),
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
    expect(outcome.failure).toMatchObject(failure);
    expect([fleet.hub.running, fleet.spoke.running]).toEqual(['old', 'old']);
    expect([fleet.hub.file, fleet.spoke.file]).toEqual(['old', 'old']);
    const afterRevert = fleet.log.slice(fleet.log.findLastIndex((line) => line.endsWith('revert')) + 1);
    expect(afterRevert).toEqual(expect.arrayContaining(['hub state', 'spoke state', 'hub probe', 'spoke probe']));
  });

  it('when packets do not come back', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.twists.set('probe', (host) => (host.running === 'new' ? { values: {} } : undefined));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'reverted', ends: { hub: 'reverted', spoke: 'reverted' } });
    expect(outcome.failure).toMatchObject({ code: 'verify', end: 'spoke', layer: 'peer' });
    expect(outcome.checks.filter(({ ok }) => ok)).toHaveLength(3);
    expect(changes(fleet).filter((line) => line.includes('confirm'))).toEqual([]);
  });

  it('when it is interrupted in the trial', async () => {
    const fleet = new FakeFleet('old');
    const controller = new AbortController();
    const onStep = (step: string): void => {
      if (step === 'trial') controller.abort();
    };
    const outcome = await change(fleet, BOTH, { signal: controller.signal, onStep });
    expect(outcome).toMatchObject({ status: 'reverted', failure: { code: 'interrupted' } });
    expect(changes(fleet).sort()).toEqual(['hub revert', 'hub trial', 'spoke revert', 'spoke trial']);
  });
});

describe('an end that cannot begin', () => {
  it.each([
    ['refused cannot write', 'file'],
    ['invalid ifquery: x', 'implementation'],
  ])('leaves both ends untouched: %s', async (refusal, layer) => {
    const fleet = new FakeFleet('old');
    fleet.hub.twists.set('prepare', error(refusal));
    const outcome = await change(fleet);
    expect(fleet.log.filter((line) => line.endsWith('trial'))).toEqual([]);
    expect(fleet.log).toContain('spoke revert');
    expect(outcome).toMatchObject({
      status: 'failed',
      ends: { hub: 'untouched', spoke: 'untouched' },
      failure: { code: 'refused', end: 'hub', layer },
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
    expect(outcome).toMatchObject({ status: 'reverted', failure: { code: 'interrupted' } });
    expect(changes(fleet)).toEqual(['hub trial', 'spoke trial', 'hub revert', 'spoke revert']);
  });
});

describe('nothing is touched, and what was prepared is forgotten', () => {
  it('when the interrupt comes before the trial', async () => {
    const fleet = new FakeFleet('old');
    const outcome = await change(fleet, BOTH, { signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ status: 'skipped', ends: { hub: 'untouched', spoke: 'untouched' }, downMs: null });
    expect(changes(fleet)).toEqual(['hub revert', 'spoke revert']);
  });

  it('when the state of before cannot be read', async () => {
    const fleet = new FakeFleet('old');
    fleet.hub.twists.set('state', error('host no'));
    expect(await change(fleet)).toMatchObject({ status: 'failed', failure: { code: 'host', end: 'hub' } });
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
    expect(outcome.failure?.message).toContain('hub: what ran before did not come up again');
    expect(changes(fleet)).toContain('spoke revert');
  });

  it('when the kernel is not what it was', async () => {
    const fleet = broken();
    fleet.hub.twists.set('revert', (host) => ((host.running = 'broken'), {}));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'unknown', ends: { hub: 'unknown', spoke: 'unknown' } });
    expect(outcome.failure?.message).toContain("the kernel state of the hub's end is not what it was");
  });

  it('when what answered before is silent', async () => {
    const fleet = broken();
    let reverted = false;
    fleet.hub.twists.set('revert', () => ((reverted = true), undefined));
    fleet.hub.twists.set('probe', () => (reverted ? { values: {} } : undefined));
    const outcome = await change(fleet);
    expect(outcome.status).toBe('unknown');
    expect(outcome.failure?.message).toMatch(/answered .* before and does not now/);
  });

  it('when a host is lost in its trial; the other one is taken back', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.twists.set('trial', () => ({ lost: true }));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'unknown', failure: { code: 'lost', end: 'spoke', layer: 'ssh' } });
    expect(changes(fleet)).toContain('hub revert');
    expect(fleet.hub.running).toBe('old');
  });

  it('when the hub does not confirm after the spoke did', async () => {
    const fleet = new FakeFleet('old');
    fleet.hub.twists.set('confirm', error('late it was ended'));
    const outcome = await change(fleet);
    expect(outcome).toMatchObject({ status: 'unknown', ends: { hub: 'unknown', spoke: 'changed' } });
    expect(outcome.failure?.message).toContain("the spoke's end is confirmed already");
    expect(changes(fleet)).toContain('hub revert');
  });

  it('when the file in /etc is not the confirmed one', async () => {
    const fleet = new FakeFleet('old');
    fleet.spoke.twists.set('confirm', () => ({ values: { digest: 'f'.repeat(64) } }));
    fleet.spoke.twists.set('revert', error('late no trial of this run is open'));
    expect((await change(fleet)).status).toBe('unknown');
  });
});
