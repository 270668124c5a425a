/** The settings of a target for people and scripts. Pure. */
import { placeOf, SETTING_NAMES, type EffectiveTarget, type Origin, type SettingName } from './effective-target.js';
import { programOf } from './link.js';

/** ` through hub`, for a trace; empty when there is nothing between. */
export function describeRoute({ route }: EffectiveTarget): string {
  if (route.kind === 'direct') return '';
  if (route.kind === 'command') return ` by ProxyCommand ${programOf(route.command)}`;
  return `${describeRoute(route.through)} through ${route.through.user}@${placeOf(route.through)}`;
}

/** One setting as it is in force. */
interface Setting {
  readonly name: SettingName;
  /** Seconds for times; null = none. */
  readonly value: string | number | boolean | readonly string[] | null;
  readonly from: Origin;
}

/** Every setting of a host, in the order of SETTING_NAMES. */
const listSettings = (target: EffectiveTarget): Setting[] =>
  SETTING_NAMES.map((name) => ({ name, value: VALUES[name](target), from: target.origins[name] }));

/** For scripts: `vxfleet inventory --ssh --output json`. Times are in seconds; null = none. @param name `hub` or the spoke's name */
export const settingsToJson = (name: string, target: EffectiveTarget) => ({
  host: name,
  alias: target.alias,
  settings: Object.fromEntries(listSettings(target).map((setting) => [setting.name, pickValue(setting)])),
});

const pickValue = ({ value, from }: Setting): Pick<Setting, 'value' | 'from'> => ({ value, from });

/** For people: a line that says where the host is, then one a setting that somebody has made, with a final newline. @param all defaults too */
export function formatSettings(name: string, target: EffectiveTarget, all: boolean): string {
  const rows = listSettings(target)
    .filter(({ from }) => all || from !== 'default')
    .map(({ name: setting, value, from }) => [setting, showValue(value), ORIGINS[from]] as const);
  const width = Math.max(...SETTING_NAMES.map(({ length }) => length));
  const lines = rows.map(([setting, value, from]) => `  ${setting.padEnd(width)}  ${from.padEnd(12)}  ${value}`);
  return [`${name}: ${target.user}@${placeOf(target)}${describeRoute(target)}`, ...lines, ''].join('\n');
}

const ORIGINS: Readonly<Record<Origin, string>> = {
  option: 'command line',
  inventory: 'inventory',
  ssh_config: 'ssh_config',
  default: 'default',
};

function showValue(value: Setting['value']): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (value === null) return '-';
  return typeof value === 'object' ? value.join(', ') || '-' : String(value);
}

const VALUES: Readonly<Record<SettingName, (target: EffectiveTarget) => Setting['value']>> = {
  host: ({ host }) => host,
  port: ({ port }) => port,
  user: ({ user }) => user,
  become: ({ become }) => become,
  proxy_jump: (target) => listHops(target),
  proxy_command: ({ route }) => (route.kind === 'command' ? route.command : null),
  identity_file: ({ identityFiles }) => identityFiles,
  identities_only: ({ identitiesOnly }) => identitiesOnly,
  identity_agent: ({ agentSocket }) => agentSocket ?? null,
  certificate_file: ({ certificateFiles }) => certificateFiles,
  user_known_hosts_file: ({ userKnownHostsFiles }) => userKnownHostsFiles,
  global_known_hosts_file: ({ globalKnownHostsFiles }) => globalKnownHostsFiles,
  host_key_alias: ({ hostKeyAlias }) => hostKeyAlias ?? null,
  strict_host_key_checking: ({ strictHostKeyChecking }) => strictHostKeyChecking,
  host_key_algorithms: ({ hostKeyAlgorithms }) => hostKeyAlgorithms ?? null,
  connect_timeout: ({ connectTimeoutMs }) => connectTimeoutMs / 1000,
  server_alive_interval: ({ keepaliveIntervalMs }) => keepaliveIntervalMs / 1000,
  server_alive_count_max: ({ keepaliveCountMax }) => keepaliveCountMax,
};

/** `user@host:port` of every jump host, the first first. */
function listHops({ route }: EffectiveTarget): string[] {
  if (route.kind !== 'jump') return [];
  const { user, host, port } = route.through;
  return [...listHops(route.through), `${user}@${host.includes(':') ? `[${host}]` : host}:${port}`];
}
