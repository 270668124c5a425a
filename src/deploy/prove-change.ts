/** The proof that a change's trial is what it should be: of a planned tunnel, of one that was found on the hosts, or of none. */
import type { TunnelFailure } from '../events.js';
import { ENDS, type End } from '../plan/plan.js';
import { findRemains } from '../verify/find-remains.js';
import { observeAnswers } from './baseline.js';
import { proveTunnel, type Proof } from './prove-tunnel.js';
import type { Tunnel } from './tunnel.js';

/** @param ends the ones that change @param seconds how long packets may take to come back */
export async function proveChange(tunnel: Tunnel, ends: readonly End[], seconds: number): Promise<Proof> {
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
    if (finding !== undefined) return { checks: [], failure: failure(end, finding.layer, finding.message) };
  }
  return { checks: [], failure: null };
}

/** What such a file makes is not known: whatever addresses it gave the two ends have to answer each other. */
async function proveFound(tunnel: Tunnel, seconds: number): Promise<Proof> {
  const { observed, checks } = await observeAnswers(tunnel, seconds);
  for (const end of ENDS) {
    if (observed[end].link?.up !== true) {
      return { checks, failure: failure(end, 'link', `${tunnel.plan.interface} did not come up`) };
    }
  }
  const silent = checks.find(({ ok }) => !ok);
  if (silent !== undefined) {
    const message = `${silent.target} does not answer ${silent.source}`;
    return { checks, failure: failure(silent.from, 'peer', message) };
  }
  if (checks.length > 0) return { checks, failure: null };
  return { checks, failure: failure(null, 'addresses', 'the two ends have no addresses that could answer each other') };
}

const failure = (end: End | null, layer: TunnelFailure['layer'], message: string): TunnelFailure => ({
  code: 'verify',
  end,
  layer,
  message,
  hint: 'Both ends were put back. `vxfleet history` lists the other generations.',
});
