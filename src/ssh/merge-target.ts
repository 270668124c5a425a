/** Merges what the options, the inventory and ssh_config say of a host. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DEFAULTS, type SshTarget } from '../inventory/inventory.js';
import {
  expandPath,
  expandTokens,
  SettingChooser,
  splitFiles,
  type Tokens,
  type ConfigAnswer,
} from './config-answer.js';
import type { EffectiveTarget, Origin, SettingName } from './effective-target.js';
import { localUser } from './local-user.js';

/** What a run says of all its connections. */
export interface ConnectionOptions {
  /** HOME: its `.ssh` holds known_hosts and the default keys. */
  readonly home: string;
  /** For SSH_AUTH_SOCK, and whatever ssh_config names. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `--known-hosts FILE`, in place of the user's own. */
  readonly knownHosts?: string | undefined;
  /** `--accept-new`: trusts and records the keys of hosts that no line names. A changed key is refused all the same. */
  readonly acceptNew?: boolean | undefined;
  /** `--connect-timeout`, for TCP and then for the banner; by default 10 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** At last 5 s. */
  readonly keepaliveIntervalMs?: number | undefined;
}

/** For TCP: ConnectTimeout's own default is the kernel's two minutes. */
const CONNECT_TIMEOUT_MS = 10_000;
/** ServerAliveInterval's own default is never: a trial must not wait for a host that is gone. */
const KEEPALIVE_INTERVAL_MS = 5000;
const KEEPALIVE_COUNT_MAX = 3;
/** The kinds that Debian's ssh-keygen makes. */
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa', 'id_ed25519_sk', 'id_ecdsa_sk'] as const;

/** All but the route, and what the route is to be made of. */
export interface MergedTarget extends Omit<EffectiveTarget, 'route' | 'isOfInventory'> {
  /** As the inventory has it, or as ProxyJump has it; undefined or empty = none. */
  readonly proxyJump: readonly SshTarget[] | string | undefined;
  readonly proxyCommand: string | undefined;
}

/** What the parts of a merge share. */
interface Merge {
  readonly target: SshTarget;
  readonly options: ConnectionOptions;
  readonly chooser: SettingChooser;
  /** A path as ssh_config has it, made absolute. */
  readonly expand: (path: string, keyword: string) => string;
}

/** Throws `usage` for a value of ssh_config's that cannot be used. */
export function mergeTarget(
  target: SshTarget,
  config: ConfigAnswer | undefined,
  options: ConnectionOptions,
): MergedTarget {
  const chooser = new SettingChooser(config);
  const address = mergeAddress(target, chooser);
  const tokens = tokensOf(target, address, options.home);
  const expand = (path: string, keyword: string): string =>
    expandPath(rehome(path, options.home), tokens, options.environment, keyword);
  const merge = { target, options, chooser, expand };
  return {
    alias: target.host,
    ...address,
    ...mergeRoute(merge, tokens),
    ...mergeKeys(merge),
    ...mergeHostKeys(merge),
    ...mergeTimes(merge),
    // Debian's own file says yes; where nobody was asked, no file says more than that one.
    allowsGssapi: config?.answer.all('gssapiauthentication')[0] !== 'no',
    // Every name is there once all parts are merged.
    origins: chooser.origins as Record<SettingName, Origin>,
  };
}

function mergeAddress(target: SshTarget, chooser: SettingChooser) {
  const hostName = chooser.unless('hostname', target.host);
  const defaultUser = target.isOutside === true ? localUser().name : DEFAULTS.sshUser;
  return {
    // The inventory names the host, and ssh_config may say where that is.
    host: chooser.choose('host', {
      inventory: hostName === undefined ? target.host : undefined,
      ssh_config: hostName,
      default: target.host,
    }),
    port: chooser.choose('port', {
      inventory: target.port,
      ssh_config: chooser.number('port'),
      default: DEFAULTS.sshPort,
    }),
    user: chooser.choose('user', {
      inventory: target.user,
      ssh_config: chooser.unless('user', defaultUser),
      default: defaultUser,
    }),
    become: chooser.choose('become', { inventory: target.become, default: false }),
    hostKeyAlias: chooser.choose('host_key_alias', { ssh_config: chooser.first('hostkeyalias'), default: undefined }),
  };
}

function mergeRoute({ target, chooser }: Merge, tokens: Tokens) {
  const proxyJump = chooser.choose<MergedTarget['proxyJump']>('proxy_jump', {
    inventory: target.proxyJump,
    ssh_config: chooser.first('proxyjump'),
    default: undefined,
  });
  // Also an empty list of the inventory's: it says how the host is reached.
  const said = proxyJump === undefined ? chooser.first('proxycommand') : undefined;
  const command = chooser.choose('proxy_command', { ssh_config: said, default: undefined });
  return { proxyJump, proxyCommand: command && expandTokens(command, tokens, 'ProxyCommand') };
}

function mergeKeys({ target, options, chooser, expand }: Merge) {
  const expandAll = (paths: readonly string[] | undefined, keyword: string): string[] | undefined =>
    paths?.filter((path) => path !== 'none').map((path) => expand(path, keyword));
  const inventoryKey = target.identityFile === undefined ? undefined : [target.identityFile];
  const agent = chooser.choose('identity_agent', {
    ssh_config: chooser.first('identityagent'),
    default: 'SSH_AUTH_SOCK',
  });
  return {
    identityFiles: chooser.choose('identity_file', {
      inventory: inventoryKey,
      ssh_config: expandAll(chooser.all('identityfile'), 'IdentityFile'),
      default: DEFAULT_KEYS.map((name) => join(options.home, '.ssh', name)),
    }),
    identitiesOnly: chooser.choose('identities_only', {
      // A key that the inventory names is the one to use.
      inventory: inventoryKey && true,
      ssh_config: chooser.first('identitiesonly') === 'yes' ? true : undefined,
      default: false,
    }),
    agentSocket: agentSocketOf(agent, options, expand),
    certificateFiles: chooser.choose('certificate_file', {
      ssh_config: expandAll(chooser.all('certificatefile'), 'CertificateFile'),
      default: [],
    }),
  };
}

/** `none`, `SSH_AUTH_SOCK`, `$VARIABLE`, or a path. */
function agentSocketOf(agent: string, { environment }: ConnectionOptions, expand: Merge['expand']): string | undefined {
  if (agent === 'none') return undefined;
  const variable = agent === 'SSH_AUTH_SOCK' ? agent : /^\$(\w+)$/.exec(agent)?.[1];
  const socket = variable === undefined ? expand(agent, 'IdentityAgent') : environment[variable];
  return socket === '' ? undefined : socket;
}

function mergeHostKeys({ options, chooser, expand }: Merge) {
  const files = (keyword: string): string[] | undefined => {
    const line = chooser.first(keyword);
    return line === undefined ? undefined : splitFiles(line).map((path) => expand(path, keyword));
  };
  return {
    userKnownHostsFiles: chooser.choose('user_known_hosts_file', {
      option: options.knownHosts === undefined ? undefined : [options.knownHosts],
      ssh_config: files('userknownhostsfile'),
      default: [join(options.home, '.ssh', 'known_hosts')],
    }),
    globalKnownHostsFiles: chooser.choose('global_known_hosts_file', {
      ssh_config: files('globalknownhostsfile'),
      default: ['/etc/ssh/ssh_known_hosts'],
    }),
    strictHostKeyChecking: chooser.choose<EffectiveTarget['strictHostKeyChecking']>('strict_host_key_checking', {
      option: options.acceptNew === true ? 'accept-new' : undefined,
      ssh_config: strictnessOf(chooser.first('stricthostkeychecking')),
      default: 'ask',
    }),
    hostKeyAlgorithms: chooser.choose('host_key_algorithms', {
      ssh_config: chooser.first('hostkeyalgorithms')?.split(','),
      default: undefined,
    }),
  };
}

/** -G prints `true` for yes and `false` for no and off. */
function strictnessOf(value: string | undefined): EffectiveTarget['strictHostKeyChecking'] | undefined {
  if (value === 'true' || value === 'yes') return 'yes';
  if (value === 'false' || value === 'no' || value === 'off') return 'no';
  return value === 'accept-new' ? value : undefined;
}

function mergeTimes({ options, chooser }: Merge) {
  const milliseconds = (keyword: string): number | undefined => {
    const seconds = chooser.number(keyword);
    return seconds && seconds * 1000;
  };
  return {
    connectTimeoutMs: chooser.choose('connect_timeout', {
      option: options.connectTimeoutMs,
      ssh_config: milliseconds('connecttimeout'),
      default: CONNECT_TIMEOUT_MS,
    }),
    keepaliveIntervalMs: chooser.choose('server_alive_interval', {
      option: options.keepaliveIntervalMs,
      ssh_config: milliseconds('serveraliveinterval'),
      default: KEEPALIVE_INTERVAL_MS,
    }),
    keepaliveCountMax: chooser.choose('server_alive_count_max', {
      ssh_config: chooser.number('serveralivecountmax'),
      default: KEEPALIVE_COUNT_MAX,
    }),
  };
}

function tokensOf(target: SshTarget, address: ReturnType<typeof mergeAddress>, home: string): Tokens {
  const { name, uid } = localUser();
  const machine = hostname();
  return {
    d: home,
    h: address.host,
    i: String(uid),
    k: address.hostKeyAlias ?? target.host,
    L: machine.split('.')[0] ?? machine,
    l: machine,
    n: target.host,
    p: String(address.port),
    r: address.user,
    u: name,
  };
}

/** ssh takes ~ from passwd and has expanded it already in some values; here it is HOME, as for every other file. */
function rehome(path: string, home: string): string {
  const passwdHome = localUser().home;
  return passwdHome !== undefined && path.startsWith(`${passwdHome}/`)
    ? join(home, path.slice(passwdHome.length))
    : path;
}
