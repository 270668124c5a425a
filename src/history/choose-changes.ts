/** Which of all changes somebody wants to see. */
import type { FleetPlan } from '../plan/plan.js';
import { matcher, selectingWords, selectTunnels, type Selection } from '../plan/select-tunnels.js';
import { finderOf } from './change-id.js';
import type { TunnelChange } from './match-ends.js';

export interface WantedHistory {
  /** What the hosts are to be asked for. */
  readonly selections: readonly Selection[];
  /** Words that name nothing of the inventory: mistakes, or sites that it once had. */
  readonly former: readonly string[];
  readonly isWanted: (change: TunnelChange) => boolean;
}

/**
 * A site that has left the inventory, or has another name now, is known by its name in the hub's records.
 * Throws `usage` as selectTunnels does, but for a word that names nothing: the hub has to be asked first.
 */
export function wantedHistory(plan: FleetPlan, limits: readonly string[]): WantedHistory {
  const words = selectingWords(limits);
  const former = words.filter((word) => !plan.tunnels.some(matcher(word)));
  if (former.length === 0) return { selections: [selectTunnels(plan, limits)], former, isWanted: () => true };
  const isKnown = former.length < words.length;
  const known = limits.flatMap((limit) => limit.split(',')).filter((word) => !former.includes(word));
  const selected = isKnown ? [selectTunnels(plan, known)] : [];
  const interfaces = new Set(selected.flatMap(({ tunnels }) => tunnels.map((tunnel) => tunnel.interface)));
  return {
    selections: [{ tunnels: plan.tunnels, ends: 'hub' }, ...selected],
    former,
    isWanted: (change) => interfaces.has(change.interface) || former.some((word) => wasCalled(change, word)),
  };
}

/** Was the tunnel of this change called so then? */
export const wasCalled = (change: TunnelChange, word: string): boolean => matcher(word)({ ...change, tags: [] });

/**
 * Those of the newest runs. What a run found belongs to it.
 * @param changes newest first
 * @param count of runs
 */
export function changesOfLast(changes: readonly TunnelChange[], count: number): TunnelChange[] {
  const runs = new Set([...new Set(changes.map(({ run }) => finderOf(run)))].slice(0, count));
  return changes.filter(({ run }) => runs.has(finderOf(run)));
}
