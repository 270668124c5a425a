/** The proof that a change's trial is what it should be: of a planned tunnel, of one that was found on the hosts, or of none. */
import type { TunnelFailure } from '../events.js';
import { ENDS, type End } from '../plan/plan.js';
import { findRemains } from '../verify/find-remains.js';
import { observeAnswers } from './baseline.js';
import { findLosses } from './bystanders.js';
import { disproof, proveTunnel, type Proof } from './prove-tunnel.js';
import type { Tunnel } from './tunnel.js';

/** @param ends the ones that change @param seconds how long packets may take to come back */
export async function proveChange(tunnel: Tunnel, ends: readonly End[], seconds: number): Promise<Proof> {
  const proof = await prove(tunnel, ends, seconds);
  if (proof.failure !== null) return proof;
  for (const end of ends) {
    const [loss] = findLosses(
      tunnel[end].facts,
      tunnel.plan,
      end,
      proof.observed?.[end] ?? (await tunnel[end].observe()),
    );
    if (loss === undefined) continue;
    const message = `${loss}: the change has taken it away`;
    const hint =
      'A template of your own, or a file that is put back, must add routes and rules that are its own, and never replace others.';
    return { ...proof, failure: { code: 'verify', end, layer: 'routes', message, hint } };
  }
  return proof;
}

async function prove(tunnel: Tunnel, ends: readonly End[], seconds: number): Promise<Proof> {
  switch (tunnel.proof) {
    case 'planned':
      return await proveTunnel(tunnel, seconds);
    case 'found':
      return await proveFound(tunnel, seconds);
    case 'gone':
      return await proveGone(tunnel, ends);
  }
}

/** Nothing of the tunnel may be left in the kernel of the ends that are taken away. */
async function proveGone(tunnel: Tunnel, ends: readonly End[]): Promise<Proof> {
  for (const end of ends) {
    const [finding] = findRemains(tunnel.plan, end, await tunnel[end].observe());
    if (finding !== undefined) return disproof(failure(end, finding.layer, finding.message));
  }
  return NOTHING_ASKED;
}

const NOTHING_ASKED: Proof = {
  checks: [],
  transit: null,
  answeredAt: { hub: null, spoke: null },
  sawFragments: false,
  failure: null,
};

/**
 * What such a file makes is not known, nor which of the addresses it is to reach: one of the spoke's has to answer the hub, and the hub
 * it. An end that had no file then has to be gone.
 */
async function proveFound(tunnel: Tunnel, seconds: number): Promise<Proof> {
  const absent = ENDS.filter((end) => tunnel[end].desired === null);
  const gone = await proveGone(tunnel, absent);
  if (gone.failure !== null) return gone;
  const { observed, checks, answeredAt } = await observeAnswers(tunnel, seconds);
  for (const end of ENDS) {
    if (!absent.includes(end) && observed[end].link?.up !== true) {
      return disproof(failure(end, 'link', `${tunnel.plan.interface} did not come up`));
    }
  }
  if (absent.length > 0) return NOTHING_ASKED;
  if (checks.length === 0) {
    return disproof(failure(null, 'addresses', 'the two ends have no addresses that could answer each other'));
  }
  const answered = checks.filter(({ ok }) => ok);
  const isMutual = answered.some(({ source, target }) =>
    answered.some((back) => back.source === target && back.target === source),
  );
  if (isMutual) return { checks: answered, transit: null, answeredAt, sawFragments: false, failure: null };
  const silent = checks.find(({ ok }) => !ok);
  const message = `${silent?.target} does not answer ${silent?.source}`;
  return {
    checks,
    transit: null,
    answeredAt,
    sawFragments: false,
    failure: failure(silent?.from ?? null, 'peer', message),
  };
}

const failure = (end: End | null, layer: TunnelFailure['layer'], message: string): TunnelFailure => ({
  code: 'verify',
  end,
  layer,
  message,
  hint: 'Both ends were put back. `vxfleet history` lists the other generations.',
});
