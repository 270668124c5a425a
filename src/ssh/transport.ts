/** One connection to one host with one program running on it. The rest of vxfleet sees only this. */
import type { SshTarget } from '../inventory/inventory.js';

/** A program that runs on the host, its stdin and stdout open both ways for the whole run. */
export interface Session {
  /** `hub` or the spoke's name: for messages. */
  readonly host: string;
  /** Queues bytes to the program's stdin. After the session ended this does nothing. */
  write(data: string | Buffer): void;
  /** Called for every piece of stdout, in order. Set exactly once, right after open. */
  onData(listener: (chunk: Buffer) => void): void;
  /** Settles once, when the channel closed or the connection was lost. Never rejects. */
  readonly ended: Promise<SessionEnd>;
  /** Ends stdin (the program sees EOF), then closes the connection once the channel is closed, or after `graceMs`. */
  close(graceMs?: number): Promise<void>;
  /** Drops the connection at once. */
  destroy(): void;
}

export interface SessionEnd {
  /** Exit status of the program, null when it was killed or the connection was lost. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why the connection was lost; null for an orderly end. */
  readonly lost: string | null;
  /** The last 4 KiB of the program's stderr, as text. */
  readonly stderr: string;
}

/** Opens sessions. `command` is handed to the login shell of the host as it is: quote it before. */
export interface Transport {
  /**
   * Rejects with a VxfleetError of code connect (after its retries), host-key, auth, or protocol (no common algorithm, not an SSH
   * server, the command is refused); usage or timeout when its ssh_config cannot be used. An error without a host is about what several
   * hosts share, such as a jump host.
   */
  open(host: string, target: SshTarget, command: string): Promise<Session>;
}

/** A transport as its run has it: with what is shared by its sessions. */
export interface RunTransport extends Transport {
  /**
   * Looks up how each host is reached, and asks for what only a person knows, before anything else draws on the terminal. Contacts no host.
   * Rejects with `usage` when the ssh_config cannot be used.
   */
  prepare(hosts: readonly { readonly host: string; readonly target: SshTarget }[]): Promise<void>;
  /** Ends what its sessions shared. To be called when they have ended. */
  close(): Promise<void>;
}
