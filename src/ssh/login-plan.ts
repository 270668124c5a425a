/** Which keys a login tries, in which order: only what is configured, never `none`, a password only with `--ask-pass`. */
import type { AnyAuthMethod } from 'ssh2';
import { VxfleetError } from '../errors.js';
import { OneKeyAgent, type AgentContents, type AgentKey } from './agent-keys.js';
import type { EffectiveTarget } from './effective-target.js';
import { keyTypeName } from './host-key-check.js';
import type { KeyFile, KeyRing } from './key-file.js';
import { fingerprint } from './known-hosts.js';

/** One thing to try. */
export interface LoginMethod {
  /** What the host calls it. */
  readonly type: 'publickey' | 'password' | 'keyboard-interactive';
  /** For messages: where the key is and which it is. */
  readonly label: string;
  /** May ask for a passphrase; a string is the reason why it cannot be used. */
  prepare(): Promise<AnyAuthMethod | string>;
}

export interface LoginPlan {
  /** At least one. */
  readonly methods: readonly LoginMethod[];
  /** Keys that were found and cannot be used, and why. */
  readonly notes: readonly string[];
}

/** What a login can draw on. */
export interface LoginSources {
  /** The target's agent. */
  readonly agent: AgentContents;
  readonly keyRing: KeyRing;
  /** Of `--ask-pass`. */
  readonly password: string | undefined;
}

/** Rejects with code `auth` when there is nothing to try: then the host need not be contacted. */
export async function planLogin(host: string, target: EffectiveTarget, sources: LoginSources): Promise<LoginPlan> {
  const keys =
    target.origins.identity_file === 'inventory'
      ? await planIdentity(host, target, target.identityFiles[0] ?? '', sources)
      : await planKeys(target, sources);
  const passwords = target.isOfInventory ? passwordMethods(target, sources.password) : [];
  const methods = [...keys.methods, ...passwords];
  if (methods.length > 0) return { methods, notes: keys.notes };
  throw nothingToTry(host, target, keys.notes);
}

/** The one key that the inventory names: that it cannot be used is a mistake to correct. */
async function planIdentity(
  host: string,
  target: EffectiveTarget,
  path: string,
  sources: LoginSources,
): Promise<LoginPlan> {
  const file = await sources.keyRing.read(path);
  const inAgent = findInAgent(sources, publicKeyOf(file));
  const only = (method: LoginMethod): LoginPlan => ({ methods: [method], notes: [] });
  const refuse = (reason: string, hint: string): never => {
    throw new VxfleetError('auth', `cannot use the identity_file ${path}: ${reason}`, { host, hint });
  };
  switch (file.kind) {
    case 'private':
      return only(fileKey(target, path, file, sources));
    case 'locked':
      return only(inAgent === undefined ? fileKey(target, path, file, sources) : agentKey(target, inAgent));
    case 'public':
      if (inAgent !== undefined) return only(agentKey(target, inAgent));
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

/** As ssh does it: files whose key the agent has, the agent's other keys unless IdentitiesOnly, then the other files. */
async function planKeys(target: EffectiveTarget, sources: LoginSources): Promise<LoginPlan> {
  const isSaid = target.origins.identity_file !== 'default';
  const preferred: AgentKey[] = [];
  const fileKeys: LoginMethod[] = [];
  const notes = [...sources.agent.notes];
  for (const path of target.identityFiles) {
    const file = await sources.keyRing.read(path);
    const half = file.kind === 'absent' ? await sources.keyRing.read(`${path}.pub`) : file;
    const inAgent = findInAgent(sources, publicKeyOf(half));
    if (inAgent !== undefined) preferred.push(inAgent);
    else if (file.kind === 'private' || file.kind === 'locked') fileKeys.push(fileKey(target, path, file, sources));
    else if (isSaid || file.kind !== 'absent') notes.push(`${path}: ${whyNot(file)}`);
  }
  for (const path of target.certificateFiles) notes.push(`${path}: certificates are not supported`);
  const others = target.identitiesOnly ? [] : sources.agent.keys.filter((key) => !preferred.includes(key));
  return { methods: [...[...preferred, ...others].map((key) => agentKey(target, key)), ...fileKeys], notes };
}

function whyNot(file: KeyFile): string {
  if (file.kind === 'bad') return file.reason;
  return file.kind === 'absent' ? 'there is no such file' : 'it is a public key';
}

function nothingToTry(host: string, target: EffectiveTarget, notes: readonly string[]): VxfleetError {
  const why = target.origins.identity_agent === 'default' ? 'SSH_AUTH_SOCK is not set' : 'IdentityAgent';
  const agent = target.agentSocket === undefined ? `no agent (${why})` : 'no key in the agent';
  const only = target.identitiesOnly ? ' of its own (IdentitiesOnly)' : '';
  return new VxfleetError(
    'auth',
    [
      `no key${only} to log in to ${target.host} with: ${agent}, none of ${target.identityFiles.join(', ')} to use`,
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

function agentKey(target: EffectiveTarget, { key, comment }: AgentKey): LoginMethod {
  const agent = new OneKeyAgent(target.agentSocket ?? '', key);
  return {
    type: 'publickey',
    label: `${keyTypeName(key.type)} key ${fingerprint(key.getPublicSSH())} of the agent (${comment})`,
    prepare: async () => ({ type: 'agent', username: target.user, agent }),
  };
}

function fileKey(
  target: EffectiveTarget,
  path: string,
  file: Extract<KeyFile, { kind: 'private' | 'locked' }>,
  sources: LoginSources,
): LoginMethod {
  return {
    type: 'publickey',
    label: path,
    async prepare() {
      const opened = file.kind === 'private' ? file : await sources.keyRing.unlock(path);
      if ('reason' in opened) return opened.reason;
      return { type: 'publickey', username: target.user, key: opened.key };
    },
  };
}

/** Sent only to a host whose key is trusted, and once: both methods ask for the same password. */
function passwordMethods({ user: username }: EffectiveTarget, password: string | undefined): LoginMethod[] {
  if (password === undefined) return [];
  return [
    {
      type: 'password',
      label: 'the password',
      prepare: async () => ({ type: 'password', username, password }),
    },
    {
      type: 'keyboard-interactive',
      label: 'the password (keyboard-interactive)',
      prepare: async () => ({
        type: 'keyboard-interactive',
        username,
        // What shows what is typed, or asks for two things at once, does not ask for a password alone.
        prompt: (_name, _instructions, _language, prompts, finish) =>
          finish(prompts.length === 1 && prompts[0]?.echo !== true ? [password] : []),
      }),
    },
  ];
}
