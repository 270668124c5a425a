/** Results to build recaps and event streams from. */
import type { Check, TunnelFailure, TunnelResult } from '../../src/events.js';

const nn = (id: number) => id.toString(16).padStart(2, '0');

export const checkOf = (id: number, more: Partial<Check> = {}): Check => ({
  from: 'hub',
  source: '2001:db8:ae00:0:1::1',
  target: `2001:db8:ae${nn(id)}::1`,
  prefix: '/48',
  ok: true,
  rtt_ms: 0.3,
  bytes: 1450,
  ...more,
});

export const changedTunnel = (id: number, more: Partial<TunnelResult> = {}): TunnelResult => ({
  spoke: `site${id}`,
  interface: `vxlan${nn(id)}`,
  id,
  status: 'changed',
  ends: { hub: 'changed', spoke: 'changed' },
  down_ms: 84,
  put_back: null,
  transit: null,
  intrusions: [],
  checks: [checkOf(id)],
  error: null,
  ...more,
});

export const unchangedTunnel = (id: number, more: Partial<TunnelResult> = {}): TunnelResult =>
  changedTunnel(id, {
    status: 'unchanged',
    ends: { hub: 'unchanged', spoke: 'unchanged' },
    down_ms: null,
    put_back: null,
    transit: null,
    intrusions: [],
    checks: [],
    ...more,
  });

const noAnswer: TunnelFailure = {
  code: 'verify',
  end: 'spoke',
  layer: '/48',
  message: 'the /48 does not answer from the hub',
  hint: 'look at the routes of the /48 on the spoke:\nip -6 route show table all',
};

export const revertedTunnel = (id: number, more: Partial<TunnelResult> = {}): TunnelResult =>
  changedTunnel(id, {
    status: 'reverted',
    ends: { hub: 'reverted', spoke: 'reverted' },
    down_ms: 2310,
    put_back: 'answers',
    transit: null,
    intrusions: [],
    checks: [checkOf(id), checkOf(id, { ok: false, rtt_ms: null })],
    error: noAnswer,
    ...more,
  });

export const unknownTunnel = (id: number): TunnelResult =>
  changedTunnel(id, {
    status: 'unknown',
    ends: { hub: 'reverted', spoke: 'unknown' },
    down_ms: null,
    put_back: null,
    transit: null,
    intrusions: [],
    checks: [],
    error: {
      code: 'lost',
      end: 'spoke',
      layer: 'ssh',
      message: 'the connection was lost during the revert',
      hint: null,
    },
  });

export const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);
