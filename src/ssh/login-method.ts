import type { AnyAuthMethod } from 'ssh2';

/** One thing to try. */
export interface LoginMethod {
  /** What the host calls it. */
  readonly type: 'publickey' | 'password' | 'keyboard-interactive';
  /** For messages: where the key is and which it is. */
  readonly label: string;
  /** May ask for a passphrase; a string is the reason why it cannot be used. */
  prepare(): Promise<AnyAuthMethod | string>;
}
