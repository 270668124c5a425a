import { VxfleetError } from '../errors.js';
import { filterDown, filterUp } from '../plan/filter-commands.js';
import { GUARD_METRIC } from '../plan/make-plan.js';
import type { End, TunnelPlan } from '../plan/plan.js';

/** null: not set, false in an `if`. */
type Value = string | number | null | readonly string[];

/** What a template may name, and the value of each; docs/templates.md explains them. */
export type TemplateVariables = Readonly<Record<(typeof VARIABLE_NAMES)[number], Value>>;

/** In the order of docs/templates.md, which a test keeps equal. */
export const VARIABLE_NAMES = [
  'interface',
  'spoke',
  'tags',
  'end',
  'mode',
  'id',
  'prefix',
  'prefix_80',
  'prefix_64',
  'prefix_48',
  'hub_address',
  'spoke_address_80',
  'spoke_address_64',
  'spoke_address_48',
  'local',
  'remote',
  'device',
  'hotplug',
  'mac',
  'vni',
  'dstport',
  'srcport_low',
  'srcport_end',
  'mtu',
  'metric',
  'aggregate_metric',
  'table',
  'priority',
  'priority_2',
  'guard_metric',
  'filter',
  'filter_up',
  'filter_down',
] as const;

/**
 * The variables of one end. `mtu` is the tunnel's, in bytes. The inventory's rules let no other character through already; that no value can end a word, a line
 * or a command of a root-run file is checked here again, whatever made the plan. Throws `inventory`.
 */
export function templateVariables(tunnel: TunnelPlan, end: End, mtu: number): TemplateVariables {
  const isHub = end === 'hub';
  const own = isHub ? tunnel.hubUnderlay : tunnel.spokeUnderlay;
  const peer = isHub ? tunnel.spokeUnderlay : tunnel.hubUnderlay;
  const variables: TemplateVariables = {
    interface: tunnel.interface,
    spoke: tunnel.spoke,
    tags: tunnel.tags,
    end,
    mode: tunnel.mode,
    id: tunnel.id,
    prefix: tunnel.prefix,
    prefix_80: tunnel.prefix80,
    prefix_64: tunnel.prefix64,
    prefix_48: tunnel.prefix48,
    hub_address: tunnel.hubAddress,
    spoke_address_80: tunnel.spokeAddress80,
    spoke_address_64: tunnel.spokeAddress64,
    spoke_address_48: tunnel.spokeAddress48,
    local: own.local,
    remote: peer.address,
    device: own.device,
    hotplug: own.hotplug ? 'yes' : null,
    mac: isHub ? tunnel.hubMac : tunnel.spokeMac,
    vni: `0x${tunnel.vni.toString(16).padStart(2, '0')}`,
    dstport: tunnel.dstport,
    srcport_low: tunnel.srcport.low,
    srcport_end: tunnel.srcport.high + 1,
    mtu,
    metric: tunnel.metric,
    aggregate_metric: tunnel.aggregateMetric,
    table: tunnel.table,
    priority: tunnel.priority,
    priority_2: tunnel.priority + 1,
    guard_metric: GUARD_METRIC,
    filter: tunnel.filter ? 'on' : null,
    filter_up: null,
    filter_down: null,
  };
  for (const name of VARIABLE_NAMES) refuseUnsafe(name, variables[name]);
  // Made of the same values, in the quotes of sh.
  return tunnel.filter
    ? { ...variables, filter_up: filterUp(tunnel, end), filter_down: filterDown(tunnel, end) }
    : variables;
}

/** Characters that are plain to sh, to ifupdown and to ip: no blank, quote, `$`, backtick, `;`, `#`, backslash or glob. */
const SAFE_VALUE = /^[A-Za-z0-9._:/@+-]+$/;

function refuseUnsafe(name: string, value: Value): void {
  if (isSafe(value)) return;
  throw new VxfleetError('inventory', `the value of ${name} cannot stand in a stanza: ${JSON.stringify(value)}`, {
    hint: 'Only letters, digits and . _ : / @ + - reach a host.',
  });
}

function isSafe(value: Value): boolean {
  if (value === null) return true;
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0;
  return typeof value === 'string' ? SAFE_VALUE.test(value) : value.every((item) => SAFE_VALUE.test(item));
}
