import { describe, expect, it } from 'vitest';
import { thrownResult, untouchedResult } from '../../src/change/tunnel-result.js';
import { VxfleetError } from '../../src/errors.js';
import { samplePlan } from '../verify/fleet-plan.js';

const { tunnel } = samplePlan();

describe('a result in which nothing was touched', () => {
  it.each([
    ['unchanged', 'unchanged'],
    ['would_change', 'would_change'],
    ['would_remove', 'would_remove'],
    ['failed', 'untouched'],
    ['skipped', 'untouched'],
  ] as const)('of a tunnel that is %s has ends that are %s', (status, end) => {
    expect(untouchedResult(tunnel, status, null)).toEqual({
      spoke: 'osaka',
      interface: 'vxlan0a',
      id: 10,
      status,
      ends: { hub: end, spoke: end },
      down_ms: null,
      put_back: null,
      checks: [],
      transit: null,
      intrusions: [],
      error: null,
    });
  });
});

describe('what was thrown', () => {
  it.each(['connect', 'host-key', 'auth', 'lost', 'timeout'] as const)(
    'with code %s makes the host unreachable',
    (code) => {
      const spoke = thrownResult(tunnel, new VxfleetError(code, 'no', { host: 'osaka', hint: 'look' }));
      expect(spoke).toMatchObject({ status: 'unreachable', ends: { hub: 'untouched', spoke: 'unreachable' } });
      expect(spoke.error).toEqual({ code, end: 'spoke', layer: 'ssh', message: 'no', hint: 'look' });
      const hub = thrownResult(tunnel, new VxfleetError(code, 'no', { host: 'hub' }));
      expect(hub).toMatchObject({ status: 'unreachable', ends: { hub: 'unreachable', spoke: 'untouched' } });
      expect(hub.error).toMatchObject({ end: 'hub', hint: null });
    },
  );

  it('by a host that answered is a failure of that end', () => {
    const result = thrownResult(tunnel, new VxfleetError('protocol', 'no JSON', { host: 'osaka' }));
    expect(result).toMatchObject({ status: 'failed', error: { code: 'protocol', end: 'spoke', layer: null } });
  });

  it('and is not ours is a bug of ours, with its message', () => {
    expect(thrownResult(tunnel, new TypeError('x is not a function'))).toMatchObject({
      status: 'failed',
      error: { code: 'internal', end: null, message: 'x is not a function' },
    });
  });
});
