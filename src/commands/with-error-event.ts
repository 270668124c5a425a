import { errorExitCode, toVxfleetError, type VxfleetError } from '../errors.js';
import type { ErrorEvent, RunEvent } from '../events.js';
import { InventoryError } from '../inventory/inventory-error.js';

/**
 * Runs work that may throw. Who reads JSON is promised a recap as the last line whatever happens, so what is thrown is emitted as an `error`
 * event, with a recap after it, and thrown on: the entry file tells it to people and makes the exit code of it.
 * @param recapOf the recap of a run that ended with this exit code
 */
export async function withErrorEvent<T>(
  emit: (event: RunEvent) => void,
  recapOf: (exitCode: number) => RunEvent,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = toVxfleetError(thrown);
    emit(errorEvent(error));
    emit(recapOf(errorExitCode(error.code)));
    throw error;
  }
}

function errorEvent(error: VxfleetError): ErrorEvent {
  const { code, message, hint = null } = error;
  const problems = error instanceof InventoryError ? error.problems : [];
  return {
    event: 'error',
    code,
    message,
    hint,
    problems: problems.map(({ file, line, column, message: text, fix = null }) => ({
      file,
      line,
      column,
      message: text,
      fix,
    })),
  };
}
