/** Keeps ssh2 from work that nobody has asked for. */
import type { Client } from 'ssh2';

// The names are ssh2's.
/* oxlint-disable no-underscore-dangle */

type GlobalRequest = (protocol: unknown, name: string, wantReply: boolean, data: unknown) => void;

/** What is used of ssh2 1.17.0's own fields. */
interface Ssh2Internals {
  readonly _protocol?: { readonly _handlers?: { GLOBAL_REQUEST?: GlobalRequest } };
}

/**
 * Leaves OpenSSH's list of all its host keys (`hostkeys-00@openssh.com`, sent after the login) unanswered. ssh2 would ask the host to prove each,
 * for an event that we do not listen to: three signatures there, one of them RSA, and as many to verify here. It has no option for that; where its
 * fields are others than we know, it goes on as it would.
 * @param client one that was told to connect
 */
export function skipHostKeyProofs(client: Client): void {
  const handlers = (client as unknown as Ssh2Internals)._protocol?._handlers;
  const handle = handlers?.GLOBAL_REQUEST;
  if (handlers === undefined || handle === undefined) return;
  handlers.GLOBAL_REQUEST = (protocol, name, wantReply, data) => {
    // The host wants no reply to it (OpenSSH's PROTOCOL, 2.5); whoever does, gets ssh2's.
    if (name !== 'hostkeys-00@openssh.com' || wantReply) handle(protocol, name, wantReply, data);
  };
}
