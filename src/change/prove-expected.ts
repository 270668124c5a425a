/** The proof that a change's trial is what it should be: of a planned tunnel, of one that was found on the hosts, or of none. */
import type { TunnelFailure } from '../events.js';
import type { End } from '../plan/plan.js';
import { findRemains } from '../verify/find-remains.js';
import { observeAnswers } from './baseline.js';
import { findLosses } from './bystanders.js';
import { disproof, proveTunnel, UNASKED, type Proof } from './prove-tunnel.js';
import { endsOf, type Pair, type Tunnel } from './tunnel.js';
import type { TunnelEnd } from './tunnel-end.js';

/** @param ends the ones that change @param seconds how long packets may take to come back */
export async function proveExpected(tunnel: Tunnel, ends: readonly TunnelEnd[], seconds: number): Promise<Proof> {
  const proof = await proveTarget(tunnel, ends, seconds);
  if (proof.failure !== null) return proof;
  for (const end of ends) {
    const now = proof.observed?.[end.end] ?? (await end.observe());
    const [loss] = findLosses(end.facts, tunnel.plan, end.end, now);
    if (loss === undefined) continue;
    const message = `${loss}: the change has taken it away`;
    const hint =
      'A template of your own, or a file that is put back, must add routes and rules that are its own, and never replace others.';
    return { ...proof, failure: { code: 'verify', end: end.end, layer: 'routes', message, hint } };
  }
  return proof;
}

async function proveTarget(tunnel: Tunnel, ends: readonly TunnelEnd[], seconds: number): Promise<Proof> {
  switch (tunnel.expects) {
    case 'plan':
      return await proveTunnel(tunnel, seconds);
    case 'answers':
      return await proveAnswers(tunnel, seconds);
    case 'nothing':
      return await proveGone(tunnel, ends);
  }
}

/** Nothing of the tunnel may be left in the kernel of the ends that are taken away. */
async function proveGone({ plan }: Tunnel, ends: readonly TunnelEnd[]): Promise<Proof> {
  for (const end of ends) {
    const [finding] = findRemains(plan, end.end, await end.observe());
    if (finding !== undefined) return disproof(failure(end.end, finding.layer, finding.message));
  }
  return UNASKED;
}

/**
 * What such a file makes is not known, nor which of the addresses it is to reach: one of the spoke's has to answer the hub, and the hub
 * it. An end that had no file then has to be gone.
 */
async function proveAnswers(tunnel: Pair, seconds: number): Promise<Proof> {
  const ends = endsOf(tunnel);
  const absent = ends.filter(({ target }) => target.text === null);
  const gone = await proveGone(tunnel, absent);
  if (gone.failure !== null) return gone;
  const { observed, checks, answeredAt } = await observeAnswers(tunnel, seconds);
  const down = ends.find((one) => !absent.includes(one) && observed[one.end].link?.up !== true);
  if (down !== undefined) return disproof(failure(down.end, 'link', `${tunnel.plan.interface} did not come up`));
  if (absent.length > 0) return UNASKED;
  if (checks.length === 0) {
    return disproof(failure(null, 'addresses', 'the two ends have no addresses that could answer each other'));
  }
  const answered = checks.filter(({ ok }) => ok);
  const isMutual = answered.some(({ source, target }) =>
    answered.some((back) => back.source === target && back.target === source),
  );
  if (isMutual) return { ...UNASKED, checks: answered, answeredAt };
  const silent = checks.find(({ ok }) => !ok);
  const message = `${silent?.target} does not answer ${silent?.source}`;
  return { ...UNASKED, checks, answeredAt, failure: failure(silent?.from ?? null, 'peer', message) };
}

const failure = (end: End | null, layer: TunnelFailure['layer'], message: string): TunnelFailure => ({
  code: 'verify',
  end,
  layer,
  message,
  hint: 'Both ends were put back. `vxfleet history` lists the other generations.',
});
