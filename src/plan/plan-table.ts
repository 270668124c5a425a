import type { FleetPlan, TunnelPlan } from './plan.js';

const HEADER = ['id', 'spoke', 'interface', 'mode', '/48', '/64', '/80', 'underlay'] as const;

/** The prefixes, which follow from the rest. */
const PREFIXES: readonly (typeof HEADER)[number][] = ['/48', '/64', '/80'];

/**
 * The plan for people: a header and one aligned line a tunnel, or two where one is too wide for the terminal; no trailing blanks, with a final newline.
 * @param width columns
 */
export function formatPlanTable(tunnels: readonly TunnelPlan[], width = Infinity): string {
  const rows: readonly (readonly string[])[] = [HEADER, ...tunnels.map(tableRow)];
  const widths = HEADER.map((_, column) => rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0));
  const lines = rows.map((row) => formatRow(row, widths));
  if (lines.every((line) => line.length <= width)) return lines.map((line) => `${line}\n`).join('');
  const indent = ' '.repeat((widths[0] ?? 0) + 2);
  const pick = <T>(cells: readonly T[], isPrefix: boolean): T[] =>
    cells.filter((_, column) => PREFIXES.includes(HEADER[column] ?? 'id') === isPrefix);
  return rows
    .map((row) => {
      const second = pick(row, true).map((cell, column) => cell.padEnd(pick(widths, true)[column] ?? 0));
      return `${formatRow(pick(row, false), pick(widths, false))}\n${indent}${second.join('  ').trimEnd()}\n`;
    })
    .join('');
}

/** The id in both forms, `10 (0x0a)`: interfaces show it in hex, people count in decimal. */
const formatId = (id: number): string => `${id} (0x${id.toString(16).padStart(2, '0')})`;

function tableRow(tunnel: TunnelPlan): readonly string[] {
  const underlay = `${tunnel.spokeUnderlay.address} ${tunnel.spokeUnderlay.device}`;
  const prefixes = [tunnel.prefix48, tunnel.prefix64, tunnel.prefix80];
  return [formatId(tunnel.id), tunnel.spoke, tunnel.interface, tunnel.mode, ...prefixes, underlay];
}

/** Ids are aligned to the right, so that their digits stand below each other. */
function formatRow(row: readonly string[], widths: readonly number[]): string {
  const cells = row.map((cell, column) => {
    const width = widths[column] ?? 0;
    return column === 0 ? cell.padStart(width) : cell.padEnd(width);
  });
  return cells.join('  ').trimEnd();
}

/** The plan for scripts: `vxfleet inventory --output json`. Keys are snake_case; an MTU left to the kernel is null. */
export function planToJson(plan: FleetPlan, tunnels: readonly TunnelPlan[]) {
  const { underlay, anchor } = plan.hub;
  return {
    prefix: plan.prefix,
    hub: { underlay: { address: underlay.address, device: underlay.device }, anchor: anchor ?? null },
    tunnels: tunnels.map(tunnelToJson),
  };
}

function tunnelToJson(tunnel: TunnelPlan) {
  const { address, device } = tunnel.spokeUnderlay;
  return {
    spoke: tunnel.spoke,
    id: tunnel.id,
    interface: tunnel.interface,
    mode: tunnel.mode,
    prefix_48: tunnel.prefix48,
    prefix_64: tunnel.prefix64,
    prefix_80: tunnel.prefix80,
    hub_address: tunnel.hubAddress,
    spoke_address_80: tunnel.spokeAddress80,
    spoke_address_64: tunnel.spokeAddress64,
    spoke_address_48: tunnel.spokeAddress48,
    underlay: { address, device },
    vxlan: { vni: tunnel.vni, dstport: tunnel.dstport, mtu: tunnel.mtu ?? null },
    metric: tunnel.metric,
    hub_mac: tunnel.hubMac,
    spoke_mac: tunnel.spokeMac,
    table: tunnel.table,
    priority: tunnel.priority,
    tags: tunnel.tags,
  };
}
