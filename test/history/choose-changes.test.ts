import { describe, expect, it } from 'vitest';
import { changesOfLast, wantedHistory } from '../../src/history/choose-changes.js';
import type { TunnelChange } from '../../src/history/match-ends.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { inventory, spoke } from '../render/fleet.js';

const FLEET = makePlan(inventory('2001:db8:ae00::/40', [spoke('tokyo', 1), spoke('osaka', 10)]));

const change = (name: string, id: number, run = 'r1'): TunnelChange => ({
  change: `${run}.1`,
  run,
  time: '2026-11-23T12:00:05Z',
  operator: 'alice@bastion',
  command: 'deploy',
  spoke: name,
  interface: `vxlan${id.toString(16).padStart(2, '0')}`,
  id,
  ends: { hub: { outcome: 'confirmed', restores: null, has_file: true }, spoke: null },
});
const ALL = [change('tokyo', 1), change('edo', 1), change('osaka', 10), change('wien', 3), change('graz', 3)];

describe('wantedHistory', () => {
  const wanted = (...limits: string[]) => {
    const { selections, isWanted } = wantedHistory(FLEET, limits);
    return {
      asked: selections.map(({ tunnels, ends }) => [ends, ...tunnels.map((tunnel) => tunnel.spoke)]),
      shown: ALL.filter(isWanted).map((one) => one.spoke),
    };
  };

  it('asks for what the inventory has, and shows all that comes', () => {
    expect(wanted('tokyo')).toMatchObject({ asked: [['both', 'tokyo']] });
    expect(wanted()).toEqual({ asked: [['both', 'tokyo', 'osaka']], shown: ALL.map((one) => one.spoke) });
  });

  it('asks the hub alone for what the inventory has no more, and knows it by the name that it had', () => {
    const hub = ['hub', 'tokyo', 'osaka'];
    expect(wanted('wien')).toEqual({ asked: [hub], shown: ['wien'] });
    expect(wanted('vxlan03')).toEqual({ asked: [hub], shown: ['wien', 'graz'] });
    expect(wanted('3,hub')).toEqual({ asked: [hub], shown: ['wien', 'graz'] });
    expect(wanted('gr*')).toEqual({ asked: [hub], shown: ['graz'] });
    expect(wanted('edo')).toEqual({ asked: [hub], shown: ['edo'] });
  });

  it('asks for both', () => {
    expect(wanted('wien', 'osaka')).toEqual({
      asked: [
        ['hub', 'tokyo', 'osaka'],
        ['both', 'osaka'],
      ],
      shown: ['osaka', 'wien'],
    });
  });

  it('refuses to leave out what is not there', () => {
    expect(() => wantedHistory(FLEET, ['!wien'])).toThrow(/names no spoke/);
  });
});

describe('changesOfLast', () => {
  it('counts runs, with what they found', () => {
    const changes = [change('tokyo', 1, 'r2'), change('osaka', 10, 'r2'), change('tokyo', 1, 'before-r2'), ...ALL];
    expect(changesOfLast(changes, 1)).toEqual(changes.slice(0, 3));
    expect(changesOfLast(changes, 9)).toEqual(changes);
  });
});
