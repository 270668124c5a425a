import { VxfleetError } from '../errors.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import { templateName, type Ifupdown, type TemplateSets } from './load-templates.js';
import { renderTunnel } from './render-tunnel.js';

/** What of a host its files depend on. */
export interface FileReader {
  readonly ifupdown: Ifupdown;
  /** Bytes; for a tunnel whose plan leaves it to the underlay device. ifupdown2 has to be told, or it sets 1500. */
  readonly mtu: number;
}

/** The file of one end. */
export interface EndFile {
  readonly text: string;
  /** Made by the user's own template. */
  readonly isCustom: boolean;
}

export interface FleetFiles {
  /** Throws inventory when the user's template for ifupdown2 fails or is missing, internal for a tunnel that was not rendered. */
  readonly of: (tunnel: TunnelPlan, end: End, reader: FileReader) => EndFile;
}

/** Renders every end for ifupdown now, so that a template's error is known before any host is. Throws inventory. */
export function renderFleet(tunnels: readonly TunnelPlan[], sets: TemplateSets): FleetFiles {
  const { ifupdown, ifupdown2 } = sets;
  const files = new Map(
    tunnels.map((tunnel) => [
      tunnel.id,
      { hub: renderTunnel(tunnel, 'hub', ifupdown), spoke: renderTunnel(tunnel, 'spoke', ifupdown) },
    ]),
  );
  const renderForIfupdown2 = (tunnel: TunnelPlan, end: End, mtu: number): EndFile => {
    refuseForgottenOverride(sets, tunnel, end);
    const text = renderTunnel({ ...tunnel, mtu: tunnel.mtu ?? mtu }, end, ifupdown2);
    return { text, isCustom: ifupdown2.isCustom(end, tunnel.mode) };
  };
  return {
    of: (tunnel, end, reader) => {
      if (reader.ifupdown === 'ifupdown2') return renderForIfupdown2(tunnel, end, reader.mtu);
      const found = files.get(tunnel.id);
      if (found === undefined) throw new Error(`${tunnel.interface} was not rendered`);
      return { text: found[end], isCustom: ifupdown.isCustom(end, tunnel.mode) };
    },
  };
}

/** Who has changed a template wants the change on every host: the built-in one in its place would be a silent loss. */
function refuseForgottenOverride({ ifupdown, ifupdown2 }: TemplateSets, { mode, spoke }: TunnelPlan, end: End): void {
  if (!ifupdown.isCustom(end, mode) || ifupdown2.isCustom(end, mode)) return;
  const name = templateName(end, mode);
  const { file } = ifupdown.byName[name];
  throw new VxfleetError('inventory', `${file} is for ifupdown, and the host of ${spoke}'s ${end} end has ifupdown2`, {
    hint: `Put a template for ifupdown2 beside it, as ifupdown2/${name}.liquid (docs/ifupdown.md).`,
  });
}
