/** The keys that an ssh-agent holds, and login with exactly one of them. */
import { connect } from 'node:net';
import ssh2, { type ParsedKey } from 'ssh2';
import { keyType } from './known-hosts.js';

/** A key that the agent can sign with and that ssh2 can use. */
export interface AgentKey {
  readonly key: ParsedKey;
  /** The key's comment in the agent, often a path or mail address. */
  readonly comment: string;
}

export interface AgentContents {
  readonly keys: readonly AgentKey[];
  /** Why there are fewer keys than one might expect: the agent does not answer, keys of kinds that ssh2 cannot use. */
  readonly notes: readonly string[];
  /** Types of its keys that ssh2 cannot use: `sk-…`, certificates. */
  readonly unsupported: readonly string[];
}

/** What there is without an agent. */
export const NO_AGENT: AgentContents = { keys: [], notes: [], unsupported: [] };

/** A local agent answers at once; one that does not is stuck, and the key files can still be tried. */
const AGENT_TIMEOUT_MS = 5000;

/** Agent protocol numbers, RFC draft-ietf-sshm-ssh-agent. */
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;

/** Lists the agent's keys. Never rejects: what is wrong with the agent is a note. */
export async function listAgentKeys(socketPath: string): Promise<AgentContents> {
  let identities: { blob: Buffer; comment: string }[];
  try {
    identities = parseIdentities(await askIdentities(socketPath));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { ...NO_AGENT, notes: [`the agent at ${socketPath} does not answer (${reason})`] };
  }
  const keys: AgentKey[] = [];
  const notes: string[] = [];
  const unsupported: string[] = [];
  for (const { blob, comment } of identities) {
    const key = ssh2.utils.parseKey(blob);
    if (!(key instanceof Error)) {
      keys.push({ key, comment });
      continue;
    }
    const type = keyType(blob) ?? 'unknown';
    unsupported.push(type);
    notes.push(`agent key ${comment}: ${unsupportedKey(type)}`);
  }
  return { keys, notes, unsupported };
}

/** Says that a kind of key (`sk-…`: security keys, `…-cert-v01@…`: certificates) cannot be used here. */
export function unsupportedKey(type: string): string {
  return `keys of type ${type} are not supported; use an ed25519, ecdsa or rsa key`;
}

function askIdentities(socketPath: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let received = Buffer.alloc(0);
    socket.setTimeout(AGENT_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it closed the connection')));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readUInt32BE(0)) return;
      resolve(received.subarray(4, 4 + received.readUInt32BE(0)));
      socket.destroy();
    });
    socket.write(Buffer.from([0, 0, 0, 1, REQUEST_IDENTITIES]));
  });
}

function parseIdentities(answer: Buffer): { blob: Buffer; comment: string }[] {
  if (answer[0] !== IDENTITIES_ANSWER) throw new Error('it refused to list its keys');
  let offset = 5;
  const readString = (): Buffer => {
    const end = offset + 4 + answer.readUInt32BE(offset);
    const value = answer.subarray(offset + 4, end);
    offset = end;
    return value;
  };
  return Array.from({ length: answer.readUInt32BE(1) }, () => ({
    blob: readString(),
    comment: readString().toString(),
  }));
}

/** An agent that shows only one key of the real one, so that a login tries that key and no other. */
export class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: ssh2.OpenSSHAgent;
  readonly #key: ParsedKey;

  constructor(socketPath: string, key: ParsedKey) {
    super();
    this.#agent = new ssh2.OpenSSHAgent(socketPath);
    this.#key = key;
  }

  override getIdentities(callback: ssh2.IdentityCallback<ParsedKey>): void {
    callback(null, [this.#key]);
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    optionsOrCallback: ssh2.SigningRequestOptions | ssh2.SignCallback,
    callback?: ssh2.SignCallback,
  ): void {
    if (typeof optionsOrCallback === 'function') this.#agent.sign(key, data, {}, optionsOrCallback);
    else this.#agent.sign(key, data, optionsOrCallback, callback);
  }
}
