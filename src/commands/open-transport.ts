import { homedir } from 'node:os';
import type { Emit } from '../events.js';
import { knownHostsFiles } from '../ssh/known-hosts-store.js';
import { createSsh2Transport } from '../ssh/ssh2-transport.js';
import type { Transport } from '../ssh/transport.js';
import { askPassphrase } from './ask-passphrase.js';
import type { HostOptions } from './common-options.js';

/** Connects to nobody yet. What a person should see of the connections is emitted. */
export const openTransport = (options: HostOptions, emit: Emit): Transport =>
  createSsh2Transport({
    home: homedir(),
    knownHosts: knownHostsFiles(homedir(), options.knownHosts),
    acceptNew: options.acceptNew === true,
    connectTimeoutMs: options.connectTimeout * 1000,
    agentSocket: process.env['SSH_AUTH_SOCK'],
    askPassphrase,
    onNotice: (message: string) => emit({ event: 'notice', level: 'info', message }),
    onTrace: (message: string) => emit({ event: 'trace', message }),
  });
