/** Repeats an attempt whose connection never stood. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRetryable, toVxfleetError, VxfleetError } from '../errors.js';
import { isSilence } from './silence.js';

export interface RetryOptions {
  /** How often to try again after the first attempt. */
  readonly retries: number;
  /** The first pause; each next one is twice as long. */
  readonly baseDelayMs: number;
  readonly onRetry?: (message: string, delayMs: number) => void;
}

/**
 * Rejects with the last attempt's error. A refused login or host key is never repeated, nor a host that stayed silent for a whole timeout, nor
 * what was repeated already (a jump host's failure, which is the cause of that of the hosts behind it).
 */
export async function retryConnect<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = toVxfleetError(thrown);
      const isFinal = !isRetryable(error.code) || isSilence(error) || error.cause instanceof VxfleetError;
      if (failures >= options.retries || isFinal) throw error;
      const delayMs = jittered(options.baseDelayMs * 2 ** failures);
      options.onRetry?.(error.message, delayMs);
      await sleep(delayMs);
    }
  }
}

/** 50 % to 150 %: clients that a busy sshd dropped together must not come back together. */
const jittered = (delayMs: number): number => Math.round(delayMs * (0.5 + Math.random()));
