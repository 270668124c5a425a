import type { TunnelFailure, TunnelResult, TunnelStatus } from '../events.js';
import { toVxfleetError, type VxfleetError } from '../errors.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import type { Target } from './change.js';
import { failureOf } from './failures.js';

const UNREACHABLE = ['connect', 'host-key', 'auth', 'lost', 'timeout'];

/** A result in which nothing was touched. */
export function untouchedResult(plan: TunnelPlan, status: TunnelStatus, error: TunnelFailure | null): TunnelResult {
  const end = status === 'unchanged' || status === 'would_change' || status === 'would_remove' ? status : 'untouched';
  return {
    spoke: plan.spoke,
    interface: plan.interface,
    id: plan.id,
    status,
    ends: { hub: end, spoke: end },
    down_ms: null,
    put_back: null,
    checks: [],
    transit: null,
    intrusions: [],
    error,
  };
}

/** What a dry run says of a tunnel that is to change. @param refusal why it would not be changed */
export function wouldChangeResult({ tunnel, ends }: Target, refusal: TunnelFailure | undefined): TunnelResult {
  const status = tunnel.expects === 'nothing' ? 'would_remove' : 'would_change';
  const would = (name: End) => (ends.some(({ end }) => end === name) ? status : 'unchanged');
  const result = untouchedResult(tunnel.plan, refusal === undefined ? status : 'failed', refusal ?? null);
  return { ...result, ends: { hub: would('hub'), spoke: would('spoke') } };
}

/** Of a tunnel that was not begun, or was looked at and not touched. */
export const skippedResult = (plan: TunnelPlan, message: string): TunnelResult =>
  untouchedResult(plan, 'skipped', { code: 'interrupted', end: null, layer: null, message, hint: null });

/** What is thrown before anything was touched, as the tunnel's result. */
export function thrownResult(plan: TunnelPlan, thrown: unknown): TunnelResult {
  const error: VxfleetError = toVxfleetError(thrown);
  const failure = failureOf(error, plan);
  if (!UNREACHABLE.includes(error.code)) return untouchedResult(plan, 'failed', failure);
  const ends =
    failure.end === 'hub'
      ? ({ hub: 'unreachable', spoke: 'untouched' } as const)
      : ({ hub: 'untouched', spoke: 'unreachable' } as const);
  return { ...untouchedResult(plan, 'unreachable', failure), ends };
}
