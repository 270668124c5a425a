import { describe, expect, it } from 'vitest';
import { downtime } from '../../src/change/downtime.js';

describe('the time for which a tunnel did not answer', () => {
  it('is the longer one of its ends, each by its own clock', () => {
    const downAt = new Map([
      ['hub', 1000],
      ['spoke', 500_000],
    ] as const);
    expect(downtime(downAt, { hub: 1080, spoke: 500_110 })).toBe(110);
    expect(downtime(downAt, { hub: 1300, spoke: 500_110 })).toBe(300);
  });

  it('is that of the end that was bounced alone', () => {
    expect(downtime(new Map([['hub', 1000]]), { hub: 1080, spoke: null })).toBe(80);
  });

  it('is that of the end whose questions were answered before', () => {
    const downAt = new Map([
      ['hub', 1000],
      ['spoke', 1000],
    ] as const);
    expect(downtime(downAt, { hub: 1080, spoke: null })).toBe(80);
  });

  it.each([
    ['nothing was bounced', new Map(), { hub: 1, spoke: 1 }],
    ['it does not answer', new Map([['hub', 1000]] as const), { hub: null, spoke: null }],
    ['a host has started anew in between', new Map([['hub', 1000]] as const), { hub: 10, spoke: null }],
  ])('is not known when %s', (_title, downAt, answeredAt) => {
    expect(downtime(downAt, answeredAt)).toBeNull();
  });
});
