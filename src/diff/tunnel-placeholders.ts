/** What makes one tunnel's files differ from another's by nature. */
import type { TunnelPlan } from '../plan/plan.js';

/**
 * The values of a tunnel that follow from which tunnel it is, each with the name that stands for it when diffs are compared.
 * A value that several names share keeps the first: two tunnels that share values in different ways are then not folded,
 * which shows one diff too many and never one too few.
 */
export function tunnelPlaceholders(tunnel: TunnelPlan): ReadonlyMap<string, string> {
  const pairs: readonly (readonly [string, string])[] = [
    [tunnel.spoke, 'spoke'],
    [tunnel.interface, 'interface'],
    [tunnel.prefix80, 'prefix80'],
    [tunnel.prefix64, 'prefix64'],
    [tunnel.prefix48, 'prefix48'],
    [tunnel.hubAddress, 'hub_address'],
    [tunnel.spokeAddress80, 'spoke_address80'],
    [tunnel.spokeAddress64, 'spoke_address64'],
    [tunnel.spokeAddress48, 'spoke_address48'],
    [tunnel.spokeUnderlay.address, 'spoke_underlay_address'],
    [tunnel.spokeUnderlay.local, 'spoke_underlay_local'],
    [tunnel.hubMac, 'hub_mac'],
    [tunnel.spokeMac, 'spoke_mac'],
    [String(tunnel.id), 'id'],
    [String(tunnel.vni), 'vni'],
    [String(tunnel.table), 'table'],
    [String(tunnel.priority), 'priority'],
    [String(tunnel.priority + 1), 'next_priority'],
    [String(tunnel.aggregateMetric), 'aggregate_metric'],
  ];
  const placeholders = new Map<string, string>();
  for (const [value, placeholder] of pairs) if (!placeholders.has(value)) placeholders.set(value, placeholder);
  return placeholders;
}
