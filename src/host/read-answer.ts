/** What a host says is read here: what cannot be read is the failure of that host, and of nobody else. */
import { VxfleetError } from '../errors.js';

export const STRANGE_HINT = "vxfleet's program does not answer so. Is it the right host, and is it sound?";

/** Rejects with VxfleetError alone: those of `read`, and protocol for whatever else it throws. */
export function readAnswer<T>(host: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof VxfleetError ? withHost(host, error) : unreadable(host, error);
  }
}

const withHost = (host: string, { code, message, hint, cause, host: known = host }: VxfleetError): VxfleetError =>
  new VxfleetError(code, message, { host: known, hint, cause });

export function unreadable(host: string, cause: unknown): VxfleetError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new VxfleetError('protocol', `${host} answered what cannot be read: ${why.slice(0, 200)}`, {
    host,
    cause,
    hint: STRANGE_HINT,
  });
}
