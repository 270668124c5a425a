import type { End, TunnelPlan } from '../plan/plan.js';
import type { Templates } from './load-templates.js';
import { renderTunnel } from './render-tunnel.js';

/** The files of both ends of a tunnel, and which of them the user's own template made. */
export interface TunnelFiles {
  readonly hub: string;
  readonly spoke: string;
  readonly custom: Readonly<Record<End, boolean>>;
}

export interface FleetFiles {
  /** Throws internal for a tunnel that was not rendered. */
  readonly of: (tunnel: TunnelPlan) => TunnelFiles;
}

/** Renders every end now, so that a template's error is known before any host is. Throws inventory. */
export function renderFleet(tunnels: readonly TunnelPlan[], templates: Templates): FleetFiles {
  const files = new Map(
    tunnels.map((tunnel) => [
      tunnel.id,
      {
        hub: renderTunnel(tunnel, 'hub', templates),
        spoke: renderTunnel(tunnel, 'spoke', templates),
        custom: { hub: templates.isCustom('hub', tunnel.mode), spoke: templates.isCustom('spoke', tunnel.mode) },
      },
    ]),
  );
  return {
    of: (tunnel) => {
      const found = files.get(tunnel.id);
      if (found === undefined) throw new Error(`${tunnel.interface} was not rendered`);
      return found;
    },
  };
}
