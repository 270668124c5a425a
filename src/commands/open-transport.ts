/** The transport of a run, made of the command line, the environment and the terminal. */
import { homedir } from 'node:os';
import { VxfleetError } from '../errors.js';
import type { Emit } from '../events.js';
import type { FleetPlan } from '../plan/plan.js';
import type { ConnectionOptions } from '../ssh/merge-target.js';
import { createAutoTransport } from '../ssh/auto-transport.js';
import { findProgram } from '../ssh/local-machine.js';
import { createOpenSshTransport } from '../ssh/openssh-transport.js';
import { SshConfig } from '../ssh/ssh-config.js';
import { SshRun } from '../ssh/ssh-run.js';
import { createSsh2Transport } from '../ssh/ssh2-transport.js';
import { TargetResolver } from '../ssh/target-resolver.js';
import type { RunTransport } from '../ssh/transport.js';
import { askBecomePassword, type BecomePasswordOf } from './ask-become-password.js';
import type { HostOptions, SshOptions, TransportName } from './common-options.js';
import type { LoadedFleet } from './load-fleet.js';
import { Questions } from './questions.js';

export interface OpenedTransport {
  readonly transport: RunTransport;
  /** Asks nobody from now on: something else draws on the terminal. */
  readonly endQuestions: () => void;
  /** As Questions.confirm. */
  readonly confirm: (question: string) => Promise<boolean | undefined>;
  readonly becomePasswordOf: BecomePasswordOf;
}

/**
 * Runs work over a transport that has looked up how the fleet's hosts are reached and asked a person what it must; nobody has been contacted
 * yet. What a person should see of the connections is emitted. Rejects with `usage` when the ssh_config cannot be used, or nobody answers
 * `--ask-pass` or `--ask-become-pass`.
 */
export async function withTransport<T>(
  options: HostOptions,
  { plan, tunnels }: LoadedFleet,
  emit: Emit,
  work: (opened: OpenedTransport) => Promise<T>,
): Promise<T> {
  const opened = await openTransport(options, plan, emit);
  try {
    const spokes = tunnels.map(({ spoke, ssh }) => ({ host: spoke, target: ssh }));
    await opened.transport.prepare([{ host: 'hub', target: plan.hub.ssh }, ...spokes]);
    return await work(opened);
  } finally {
    await opened.transport.close();
  }
}

async function openTransport(options: HostOptions, plan: FleetPlan, emit: Emit): Promise<OpenedTransport> {
  const { transport: name, askPass = false } = options;
  if (name === 'openssh' && askPass) {
    throw new VxfleetError('usage', '--ask-pass does not go with --transport openssh', {
      hint: 'ssh is given nothing to type: use a key, with an agent if it is encrypted, or --transport ssh2',
    });
  }
  if (name === 'openssh' && findProgram('ssh') === undefined) {
    throw new VxfleetError('usage', '--transport openssh needs the ssh program, which is not in PATH', {
      hint: 'install openssh-client, or use --transport ssh2',
    });
  }
  const questions = new Questions();
  const password = askPass ? await questions.password() : undefined;
  const askForSudo = options.askBecomePass === true ? async () => questions.becomePassword() : undefined;
  const becomePasswordOf = await askBecomePassword(plan, askForSudo);
  const onTrace = (message: string): void => emit({ event: 'trace', message });
  const onNotice = (message: string): void => emit({ event: 'notice', level: 'info', message });
  const config = makeConfig(options, onTrace);
  const resolver = makeResolver(options, onTrace, config);
  const run = new SshRun({
    resolver,
    onNotice,
    onTrace,
    password,
    askPassphrase: (path) => questions.passphrase(path),
  });
  const ssh2 = createSsh2Transport(run);
  const openssh = createOpenSshTransport(run, config);
  const transports: Record<TransportName, RunTransport> = {
    ssh2,
    openssh,
    auto: createAutoTransport(run, ssh2, openssh, () => findProgram('ssh') !== undefined),
  };
  return {
    transport: transports[name],
    endQuestions: () => questions.end(),
    confirm: async (question) => questions.confirm(question),
    becomePasswordOf,
  };
}

const makeConfig = ({ sshConfig }: SshOptions, onTrace: (message: string) => void): SshConfig =>
  new SshConfig({ home: homedir(), configFile: sshConfig, onTrace });

/** Says how the hosts of the inventory are reached. */
export function makeResolver(
  options: SshOptions,
  onTrace: (message: string) => void,
  config = makeConfig(options, onTrace),
): TargetResolver {
  const connection: ConnectionOptions = {
    home: homedir(),
    environment: process.env,
    knownHosts: options.knownHosts,
    acceptNew: options.acceptNew,
    connectTimeoutMs: options.connectTimeout === undefined ? undefined : options.connectTimeout * 1000,
  };
  return new TargetResolver(connection, config);
}
