import { VxfleetError } from '../errors.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import { checkStanza } from './check-stanza.js';
import { templateName, type Templates } from './load-templates.js';
import { templateVariables } from './template-variables.js';

/** Of a tunnel over an underlay device of 1500 bytes, as nearly all are; in bytes. */
export const STOCK_MTU = 1450;

/**
 * The ifupdown file of one end: the same text for the same plan, owner line first, one final newline. Throws `inventory` when a
 * template fails or makes something that may not go to a host.
 * @param mtu the tunnel's, in bytes
 */
export function renderTunnel(
  tunnel: TunnelPlan,
  end: End,
  templates: Templates,
  mtu = tunnel.mtu ?? STOCK_MTU,
): string {
  const template = templates.byName[templateName(end, tunnel.mode)];
  const variables = templateVariables(tunnel, end, mtu);
  const text = template.render(variables);
  for (const name of ['filter_up', 'filter_down'] as const) {
    if (text.includes(String(variables[name] ?? ''))) continue;
    throw new VxfleetError('inventory', `${template.file}: the filter is on, and the template does not use ${name}`, {
      hint: 'Copy the two lines within "{% if filter %}" from the built-in template, or set filter: off in the inventory, which leaves the tunnels open.',
    });
  }
  const reason = checkStanza(text, tunnel.interface);
  if (reason === undefined) return text;
  throw new VxfleetError('inventory', `${template.file}: ${reason}`, {
    hint: `Seen when it was rendered for the ${end} end of ${tunnel.spoke} (${tunnel.interface}).`,
  });
}
