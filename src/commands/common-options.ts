/** The options that every command shares, defined once. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { OutputMode } from '../report/reporter.js';

/** What every command is given. */
export interface CommonOptions {
  readonly inventory: string;
  readonly color: boolean;
  readonly verbose?: true;
  readonly output: OutputMode;
}

/** How hosts are reached. */
export interface SshOptions {
  /** `-F`. */
  readonly sshConfig?: string;
  readonly knownHosts?: string;
  readonly acceptNew?: true;
  /** Seconds. */
  readonly connectTimeout?: number;
}

/** What carries SSH: the library, the system's `ssh`, or the library where it will do. */
export type TransportName = 'auto' | 'ssh2' | 'openssh';

/** Commands that talk to hosts. */
export interface HostOptions extends CommonOptions, SshOptions {
  readonly forks: number;
  readonly askPass?: true;
  readonly askBecomePass?: true;
  readonly transport: TransportName;
  readonly timings?: true;
  /** Seconds. */
  readonly verifyTimeout?: number;
}

const DEFAULT_INVENTORY = 'inventory.yaml';

/** Headings of a command's help, in whose order the options are added. */
export const GROUPS = {
  what: 'What it does:',
  pace: 'Pace and patience:',
  ssh: 'Reaching the hosts:',
  output: 'Inventory and output:',
} as const;

export function addCommonOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.output)
    .addOption(
      new Option('-i, --inventory <file>', 'the inventory; - is stdin')
        .default(DEFAULT_INVENTORY)
        .env('VXFLEET_INVENTORY'),
    )
    .addOption(
      new Option('--output <mode>', 'how to show it; auto is live on a terminal, else plain')
        .choices(['auto', 'live', 'plain', 'json'])
        .default('auto'),
    )
    .option('--no-color', 'no colours (also: NO_COLOR)')
    .option('-v, --verbose', 'show more of what happens: names, keys and logins of SSH, and every step');
}

/** What decides how a host is reached, contacted or not. */
export function addSshOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.ssh)
    .addOption(
      new Option('-F, --ssh-config <file>', "ssh_config in place of the user's and the system's; none: no file").env(
        'VXFLEET_SSH_CONFIG',
      ),
    )
    .option('--known-hosts <file>', "host keys, in place of the user's known_hosts")
    .option(
      '--connect-timeout <seconds>',
      'how long a host may take to answer (default: as ssh_config says, else 10)',
      parseCount(1),
    );
}

/** Commands that connect. */
export function addConnectionOptions(command: Command): Command {
  command.optionsGroup(GROUPS.pace).option('--forks <n>', 'hosts worked on at once', parseCount(1), 32);
  addSshOptions(command)
    .option('--accept-new', 'accept and store keys of hosts that are unknown; a changed key is never accepted')
    .addOption(
      new Option('--transport <name>', "what carries SSH; auto is ssh2, and the system's ssh for what that cannot do")
        .choices(['auto', 'ssh2', 'openssh'])
        .default('auto')
        .env('VXFLEET_TRANSPORT'),
    )
    .option('--ask-pass', 'ask for a password to log in with where no key is taken; it is kept nowhere')
    .option('--ask-become-pass', 'ask for the password that sudo wants where ssh.become is set; it is kept nowhere');
  return addCommonOptions(command);
}

/** Commands that work on tunnels. */
export function addRunOptions(command: Command): Command {
  command
    .optionsGroup(GROUPS.pace)
    .option(
      '--verify-timeout <seconds>',
      'how long packets may take to come back (default: 2 where the tunnel answered before the change, 5 to verify, else 10)',
      parseCount(1),
    );
  return addConnectionOptions(command).option(
    '--timings',
    'show how long each step took: median, 95 of 100, and the slowest host',
  );
}

/** A whole number of at least `least`. */
export const parseCount =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It takes a whole number of at least ${least}.`);
  };

/** `3` or `10%`, as a function of the fleet's size. */
export function parseShare(text: string): (total: number) => number {
  const match = /^(\d+)(%?)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('It takes a whole number or a percentage, such as 3 or 10%.');
  const value = Number(match[1]);
  if (match[2] === '') return () => value;
  if (value > 100) throw new InvalidArgumentError('A percentage is at most 100%.');
  return (total) => Math.floor((total * value) / 100);
}

/** Not with NO_COLOR (no-color.org), --no-color, TERM=dumb, or an output that is no terminal. */
export const useColor = (options: Pick<CommonOptions, 'color'>, stream: NodeJS.WriteStream): boolean =>
  options.color && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb' && stream.isTTY;
