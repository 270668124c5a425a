import { VxfleetError } from '../errors.js';
import type { End, TunnelPlan } from '../plan/plan.js';
import { checkStanza } from './check-stanza.js';
import { templateName, type Templates } from './load-templates.js';
import { templateVariables, type TemplateVariables } from './template-variables.js';

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
  const reason = checkStanza(text, tunnel.interface);
  if (reason !== undefined) {
    throw new VxfleetError('inventory', `${template.file}: ${reason}`, {
      hint: `Seen when it was rendered for the ${end} end of ${tunnel.spoke} (${tunnel.interface}).`,
    });
  }
  const open = openLine(text, variables);
  if (open === undefined) return text;
  throw new VxfleetError('inventory', `${template.file}: the filter is on, and there is no ${open} in the template`, {
    hint: 'Copy the lines that begin "{% if filter %}" from the built-in template, or set filter: off in the inventory, which leaves the tunnels open.',
  });
}

/** A template of the user's, from before there was a filter, would leave the tunnel open. */
const openLine = (text: string, variables: TemplateVariables): string | undefined =>
  (['filter_up', 'filter_down'] as const).find((name) => !text.includes(String(variables[name] ?? '')));
