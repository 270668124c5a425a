import { VxfleetError } from '../errors.js';
import { ENDS, type End, type TunnelPlan } from '../plan/plan.js';
import { templateName, type Ifupdown, type TemplateSets } from './load-templates.js';
import { renderTunnel, STOCK_MTU } from './render-tunnel.js';

/** What of a host its files depend on. */
export interface FileReader {
  readonly ifupdown: Ifupdown;
  /** The tunnel's, in bytes. */
  readonly mtu: number;
}

/** The file of one end. */
export interface EndFile {
  readonly text: string;
  /** Made by the user's own template. */
  readonly isCustom: boolean;
}

export interface FleetFiles {
  /** Throws inventory when the user's template fails, or has none for ifupdown2 beside it. */
  readonly of: (tunnel: TunnelPlan, end: End, reader: FileReader) => EndFile;
}

/**
 * Renders every end for ifupdown and the stock MTU now, so that a template's error is known before any host is; for another MTU it is
 * rendered when the host has told it. Throws inventory.
 */
export function renderFleet(tunnels: readonly TunnelPlan[], sets: TemplateSets): FleetFiles {
  const { ifupdown, ifupdown2 } = sets;
  const files = new Map(
    tunnels.map((tunnel) => {
      const mtu = tunnel.mtu ?? STOCK_MTU;
      const [hub, spoke] = ENDS.map((end) => renderTunnel(tunnel, end, ifupdown, mtu));
      return [tunnel.id, { mtu, hub, spoke }];
    }),
  );
  const renderForIfupdown2 = (tunnel: TunnelPlan, end: End, mtu: number): EndFile => {
    refuseForgottenOverride(sets, tunnel, end);
    const text = renderTunnel(tunnel, end, ifupdown2, mtu);
    return { text, isCustom: ifupdown2.isCustom(end, tunnel.mode) };
  };
  return {
    of: (tunnel, end, reader) => {
      if (reader.ifupdown === 'ifupdown2') return renderForIfupdown2(tunnel, end, reader.mtu);
      const ready = files.get(tunnel.id);
      const text = ready?.mtu === reader.mtu ? ready[end] : undefined;
      return {
        text: text ?? renderTunnel(tunnel, end, ifupdown, reader.mtu),
        isCustom: ifupdown.isCustom(end, tunnel.mode),
      };
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
