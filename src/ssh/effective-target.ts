/** What a connection to a host will use, whatever carries it: the inventory, ssh_config and the options, merged. */

import { shellQuote } from './shell-quote.js';

/** Where a setting comes from. A value of ssh_config's that is equal to OpenSSH's own default is a `default`. */
export type Origin = 'option' | 'inventory' | 'ssh_config' | 'default';

/** How the bytes get to the host. */
export type Route =
  | { readonly kind: 'direct' }
  /** `through` has a route of its own: that is how several hops are told. */
  | { readonly kind: 'jump'; readonly through: EffectiveTarget }
  /** For a shell, its tokens expanded. */
  | { readonly kind: 'command'; readonly command: string };

export interface EffectiveTarget {
  /** What the inventory calls the host, and what ssh_config was asked for. */
  readonly alias: string;
  /** Name or address to connect to. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The login is not root and becomes it by sudo: the host's program needs that, the connection does not. */
  readonly become: boolean;
  readonly route: Route;
  /** The inventory names it, as a host or as a jump host: it may be shown the password of `--ask-pass`. */
  readonly isOfInventory: boolean;
  /** Private keys (or their public halves, for the agent) to try, absolute paths; which of them exist is not known yet. */
  readonly identityFiles: readonly string[];
  /** No keys of the agent but those of `identityFiles`. */
  readonly identitiesOnly: boolean;
  /** Socket of the agent; undefined = none. */
  readonly agentSocket: string | undefined;
  /** CertificateFile: for what can use them. */
  readonly certificateFiles: readonly string[];
  /** The user's known_hosts files; new keys go to the first. */
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  /** The name under which the host's key is known, in place of its own. */
  readonly hostKeyAlias: string | undefined;
  /**
   * What becomes of a key that no line names. `ask` is OpenSSH's default and refuses here as `yes` does: nobody is asked in the middle of
   * a run. `no` (take even changed keys) is not honoured: it records new keys as `accept-new` does.
   */
  readonly strictHostKeyChecking: 'yes' | 'ask' | 'accept-new' | 'no';
  /** The host key algorithms that may be used; undefined = all that the transport has. */
  readonly hostKeyAlgorithms: readonly string[] | undefined;
  readonly connectTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  /** Unanswered keepalives after which the connection is given up. */
  readonly keepaliveCountMax: number;
  /** Whether ssh would use a Kerberos ticket: by default no, by Debian's own file yes. */
  readonly allowsGssapi: boolean;
  /** Where each setting comes from. */
  readonly origins: Readonly<Record<SettingName, Origin>>;
}

/** The settings that a person can set, by the names of the inventory's style. */
export const SETTING_NAMES = [
  'host',
  'port',
  'user',
  'become',
  'proxy_jump',
  'proxy_command',
  'identity_file',
  'identities_only',
  'identity_agent',
  'certificate_file',
  'user_known_hosts_file',
  'global_known_hosts_file',
  'host_key_alias',
  'strict_host_key_checking',
  'host_key_algorithms',
  'connect_timeout',
  'server_alive_interval',
  'server_alive_count_max',
] as const;

export type SettingName = (typeof SETTING_NAMES)[number];

/** Where an error or a trace says the host is. */
export const placeOf = ({ host, port }: Pick<EffectiveTarget, 'host' | 'port'>): string => `${host} port ${port}`;

/** The hosts on the way, the first first, and the target. */
export const pathTo = (target: EffectiveTarget): readonly EffectiveTarget[] =>
  target.route.kind === 'jump' ? [...pathTo(target.route.through), target] : [target];

/** For hints: how a person tries the same with `ssh`. */
export function sshCommand(target: EffectiveTarget, ...options: readonly string[]): string {
  const { alias, port, user, route, origins } = target;
  const jump = route.kind === 'jump' && origins.proxy_jump === 'inventory' ? ['-J', jumpText(route.through)] : [];
  return shellQuote(['ssh', ...options, ...jump, '-p', String(port), `${user}@${alias}`, 'true']);
}

function jumpText({ alias, port, user, route }: EffectiveTarget): string {
  const before = route.kind === 'jump' ? `${jumpText(route.through)},` : '';
  return `${before}${user}@${alias.includes(':') ? `[${alias}]` : alias}:${port}`;
}

/** Whether a key that no line names is to be recorded. */
export const takesNewKeys = ({ strictHostKeyChecking: it }: EffectiveTarget): boolean =>
  it === 'accept-new' || it === 'no';

/** The name and port under which known_hosts knows the host: an alias stands without a port. */
export const hostKeyPlace = ({ hostKeyAlias, host, port }: EffectiveTarget): { host: string; port: number } =>
  hostKeyAlias === undefined ? { host, port } : { host: hostKeyAlias, port: 22 };

/**
 * The same for two targets that one connection serves. A way that one of them would not trust, or may not be shown a password, is not shared: so all
 * settings count, but what the host is called.
 */
export const connectionKey = (target: EffectiveTarget): string =>
  JSON.stringify(target, (name, value: unknown) => (name === 'alias' || name === 'origins' ? undefined : value));

/** The same for targets at one place: its sshd counts connections, whoever they are of. */
export function placeKey({ host, port, route }: EffectiveTarget): string {
  const way = route.kind === 'jump' ? placeKey(route.through) : route.kind === 'command' ? route.command : '';
  return JSON.stringify([host, port, way]);
}
