/** Which keys a login tries, in which order: only what is configured, never `none`, never a password. */
import { join } from 'node:path';
import type { AnyAuthMethod } from 'ssh2';
import { VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import { OneKeyAgent, type AgentContents, type AgentKey } from './agent-keys.js';
import { keyTypeName } from './host-key-error.js';
import type { KeyFile, KeyRing } from './key-file.js';
import { fingerprint } from './known-hosts.js';

/** One key to try. */
export interface LoginKey {
  /** For messages: where the key is and which it is. */
  readonly label: string;
  /** May ask for a passphrase; a string is the reason why the key cannot be used. */
  prepare(): Promise<AnyAuthMethod | string>;
}

export interface LoginPlan {
  /** At least one. */
  readonly keys: readonly LoginKey[];
  /** Keys that were found and cannot be used, and why. */
  readonly notes: readonly string[];
}

/** What a login can draw on. */
export interface LoginSources {
  readonly home: string;
  readonly agentSocket: string | undefined;
  readonly agent: AgentContents;
  readonly keyRing: KeyRing;
}

/** In the order of ssh, the kinds that Debian's ssh-keygen makes. */
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'] as const;

/** Rejects with code `auth` when there is nothing to try: then the host need not be contacted. */
export async function planLogin(host: string, target: SshTarget, sources: LoginSources): Promise<LoginPlan> {
  return target.identityFile === undefined
    ? planDefaults(host, target, sources)
    : planIdentity(host, target, target.identityFile, sources);
}

async function planIdentity(host: string, target: SshTarget, path: string, sources: LoginSources): Promise<LoginPlan> {
  const file = await sources.keyRing.read(path);
  const inAgent = findInAgent(sources, publicKeyOf(file));
  const only = (key: LoginKey): LoginPlan => ({ keys: [key], notes: [] });
  const refuse = (reason: string, hint: string): never => {
    throw new VxfleetError('auth', `cannot use the identity_file ${path}: ${reason}`, { host, hint });
  };
  switch (file.kind) {
    case 'private':
      return only(fileKey(target, path, file, sources));
    case 'locked':
      return only(inAgent === undefined ? fileKey(target, path, file, sources) : agentKey(target, inAgent, sources));
    case 'public':
      if (inAgent !== undefined) return only(agentKey(target, inAgent, sources));
      return refuse(
        'it is a public key and no agent holds its private half',
        `ssh-add the private key, or name its file`,
      );
    case 'absent':
      return refuse('there is no such file', 'correct ssh.identity_file in the inventory');
    case 'bad':
      return refuse(file.reason, file.hint);
  }
}

async function planDefaults(host: string, target: SshTarget, sources: LoginSources): Promise<LoginPlan> {
  const keys = sources.agent.keys.map((key) => agentKey(target, key, sources));
  const notes = [...sources.agent.notes];
  for (const name of DEFAULT_KEYS) {
    const path = join(sources.home, '.ssh', name);
    const file = await sources.keyRing.read(path);
    if (file.kind === 'absent' || findInAgent(sources, publicKeyOf(file)) !== undefined) continue;
    if (file.kind === 'private' || file.kind === 'locked') keys.push(fileKey(target, path, file, sources));
    else notes.push(`${path}: ${file.kind === 'bad' ? file.reason : 'it is a public key'}`);
  }
  if (keys.length > 0) return { keys, notes };
  const agent = sources.agentSocket === undefined ? 'no agent (SSH_AUTH_SOCK is not set)' : 'no key in the agent';
  throw new VxfleetError(
    'auth',
    [
      `no key to log in to ${target.host} with: ${agent}, no ${join(sources.home, '.ssh', 'id_*')} to use`,
      ...notes,
    ].join('; '),
    { host, hint: 'ssh-add a key, make one with ssh-keygen, or name one with ssh.identity_file in the inventory' },
  );
}

function publicKeyOf(file: KeyFile): Buffer | undefined {
  if (file.kind === 'private' || file.kind === 'public') return file.key.getPublicSSH();
  return file.kind === 'locked' ? file.publicKey : undefined;
}

function findInAgent(sources: LoginSources, publicKey: Buffer | undefined): AgentKey | undefined {
  return publicKey && sources.agent.keys.find(({ key }) => key.getPublicSSH().equals(publicKey));
}

function agentKey(target: SshTarget, { key, comment }: AgentKey, sources: LoginSources): LoginKey {
  const agent = new OneKeyAgent(sources.agentSocket ?? '', key);
  return {
    label: `${keyTypeName(key.type)} key ${fingerprint(key.getPublicSSH())} of the agent (${comment})`,
    prepare: async () => ({ type: 'agent', username: target.user, agent }),
  };
}

function fileKey(
  target: SshTarget,
  path: string,
  file: Extract<KeyFile, { kind: 'private' | 'locked' }>,
  sources: LoginSources,
): LoginKey {
  return {
    label: path,
    async prepare() {
      const opened = file.kind === 'private' ? file : await sources.keyRing.unlock(path);
      if ('reason' in opened) return opened.reason;
      return { type: 'publickey', username: target.user, key: opened.key };
    },
  };
}
