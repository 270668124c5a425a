/** Which keys only OpenSSH can use, and which it cannot open without a person. */
import { existsSync } from 'node:fs';
import { VxfleetError } from '../errors.js';
import { listAgentKeys, NO_AGENT, type AgentContents } from './agent-keys.js';
import type { EffectiveTarget } from './effective-target.js';
import { KeyRing, type KeyFile } from './key-file.js';
import { hostKeyAlgorithms } from './known-hosts.js';

const ENCRYPTED = 'it is encrypted, and over openssh only an agent can open it';

/** The keys of a run, each file and agent looked at once. */
export class OpenSshKeys {
  readonly #keyRing = new KeyRing(undefined);
  readonly #agents = new Map<string, Promise<AgentContents>>();

  /**
   * What of the target's settings, or of a jump host's on the way, ssh2 cannot do; undefined = nothing that is known before it is tried.
   */
  async needOf(target: EffectiveTarget): Promise<string | undefined> {
    const { route, hostKeyAlgorithms: allowed } = target;
    if (allowed !== undefined && hostKeyAlgorithms([], '', 22, allowed).length === 0) {
      return `HostKeyAlgorithms ${allowed.join(',')}`;
    }
    return (
      findCertificate(target) ??
      (await this.#findKey(target)) ??
      (route.kind === 'jump' ? await this.needOf(route.through) : undefined)
    );
  }

  /** Rejects with `auth` when the key that the inventory names cannot be used: that is a mistake to correct. */
  async checkIdentity(host: string, target: EffectiveTarget): Promise<void> {
    const [path] = target.identityFiles;
    if (target.origins.identity_file !== 'inventory' || path === undefined) return;
    const file = await this.#keyRing.read(path);
    const refuse = (reason: string, hint: string): never => {
      throw new VxfleetError('auth', `cannot use the identity_file ${path}: ${reason}`, { host, hint });
    };
    if (file.kind === 'absent') refuse('there is no such file', 'correct ssh.identity_file in the inventory');
    if (file.kind === 'bad' && file.unsupported === undefined) refuse(file.reason, file.hint);
    if (await this.#isLocked(target, file)) refuse(ENCRYPTED, `ssh-add ${path}`);
  }

  /** Keys that ssh will pass over without a word. */
  async notesOf(target: EffectiveTarget): Promise<string[]> {
    const notes: string[] = [];
    for (const path of target.identityFiles) {
      if (await this.#isLocked(target, await this.#keyRing.read(path))) notes.push(`${path}: ${ENCRYPTED}`);
    }
    return notes;
  }

  async #isLocked(target: EffectiveTarget, file: KeyFile): Promise<boolean> {
    if (file.kind !== 'locked') return false;
    const { keys } = await this.#agentOf(target);
    const { publicKey } = file;
    return publicKey === undefined || !keys.some(({ key }) => key.getPublicSSH().equals(publicKey));
  }

  async #findKey(target: EffectiveTarget): Promise<string | undefined> {
    for (const path of target.identityFiles) {
      const file = await this.#keyRing.read(path);
      const half = file.kind === 'absent' ? await this.#keyRing.read(`${path}.pub`) : file;
      if (half.kind === 'bad' && half.unsupported !== undefined) return `the key ${path} of type ${half.unsupported}`;
    }
    if (target.identitiesOnly) return undefined;
    const [type] = (await this.#agentOf(target)).unsupported;
    return type && `the agent's key of type ${type}`;
  }

  #agentOf({ agentSocket }: EffectiveTarget): Promise<AgentContents> {
    if (agentSocket === undefined) return Promise.resolve(NO_AGENT);
    const contents = this.#agents.get(agentSocket) ?? listAgentKeys(agentSocket);
    this.#agents.set(agentSocket, contents);
    return contents;
  }
}

/** ssh takes `KEY-cert.pub` for a certificate of KEY without being told. */
function findCertificate({ certificateFiles, identityFiles }: EffectiveTarget): string | undefined {
  const paths = [...certificateFiles, ...identityFiles.map((path) => `${path}-cert.pub`)];
  const path = paths.find((it) => existsSync(it));
  return path && `the certificate ${path}`;
}
