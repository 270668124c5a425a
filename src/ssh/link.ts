/** What SSH is spoken over: a TCP connection, a channel of a jump host's, or the stdio of a ProxyCommand. */
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';

export interface Link {
  readonly stream: Duplex;
  /** Why the stream ended, where the link knows more than that it did. */
  readonly endReason: () => string | undefined;
  /** Lets the process end although the link is still open. */
  readonly unref: () => void;
}

/** A client that is logged in, and what it speaks over. */
export interface Connection {
  readonly client: Client;
  readonly link: Link;
}
