/**
 * The one error class. A message states facts (what, where, why); `hint` says what to do next and is printed after it, so that
 * the facts stay facts. Whether something may be retried follows from the code, never from the text.
 */

/** Closed list of what can go wrong. The code decides the exit code and whether a retry makes sense. */
export type ErrorCode =
  /** Command line or LIMIT is wrong. Exit 2. */
  | 'usage'
  /** The inventory or a template is wrong. Exit 2. */
  | 'inventory'
  /** TCP or SSH transport failed before a session stood: refused, timed out, closed in the handshake. May be retried. */
  | 'connect'
  /** The host key is unknown, changed or revoked. Never retried. */
  | 'host-key'
  /**
   * Every offered authentication method was refused, or none is configured, or sudo refused to make the login root. Never retried
   * (PerSourcePenalties and faillock lock us out).
   */
  | 'auth'
  /** A session stood and was lost, or the host program died. */
  | 'lost'
  /** The host program did not answer in time. */
  | 'timeout'
  /** The host or the program on it answered something outside the protocol. */
  | 'protocol'
  /** The host is not fit for the change (no ifupdown, foreign stanza, …); nothing was touched. */
  | 'refused'
  /** A step on the host failed (candidate invalid, ifup failed, disk full). */
  | 'host'
  /** The tunnel did not answer or its kernel state is not the plan's. */
  | 'verify'
  /** The run was interrupted. Exit 130. */
  | 'interrupted'
  /** The lab could not be started or changed. */
  | 'lab'
  /** A bug of ours. Exit 70. */
  | 'internal';

export interface ErrorDetails {
  /** Name of the host it happened on: `hub` or a spoke's name. */
  readonly host?: string | undefined;
  /** What to do next, one or more lines, shown after the message. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Of `connect`: nobody answered at the host's address; else it was there, and something else was in the way. */
  readonly isUnanswered?: boolean;
}

/** EX_SOFTWARE of sysexits.h: a bug is not to be taken for a tunnel that failed and is safe. */
export const BUG_EXIT_CODE = 70;

const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  usage: 2,
  inventory: 2,
  interrupted: 130,
  internal: BUG_EXIT_CODE,
};

/** What a command ends with that an error ended; the results of tunnels have exit codes of their own. */
export const errorExitCode = (code: ErrorCode): number => EXIT_CODES[code] ?? 1;

export class VxfleetError extends Error {
  override readonly name: string = 'VxfleetError';
  readonly code: ErrorCode;
  readonly host: string | undefined;
  readonly hint: string | undefined;
  readonly isUnanswered: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.host = details.host;
    this.hint = details.hint;
    this.isUnanswered = details.isUnanswered === true;
  }
}

/** Only a connection that never stood may be tried again: a refused login must not be repeated. */
export const isRetryable = (code: ErrorCode): boolean => code === 'connect';

/** Any thrown value as our error; what is not ours already is a bug of ours. */
export function toVxfleetError(thrown: unknown): VxfleetError {
  if (thrown instanceof VxfleetError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new VxfleetError('internal', message, { cause: thrown });
}
