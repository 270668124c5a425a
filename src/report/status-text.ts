/** How each status is said to a person, in the one order that rows, counts and tests share. */
import type { CommandName, EndStatus, PutBack, TunnelResult, TunnelStatus } from '../events.js';
import type { Colour } from './paint.js';

/** From the best news to the worst. */
export const STATUSES: readonly TunnelStatus[] = [
  'unchanged',
  'changed',
  'rolled_back',
  'removed',
  'removed_at_hub',
  'would_change',
  'would_remove',
  'reverted',
  'failed',
  'unreachable',
  'skipped',
  'unknown',
];

const COLOURS: Readonly<Record<TunnelStatus, Colour>> = {
  unchanged: 'green',
  changed: 'yellow',
  rolled_back: 'yellow',
  removed: 'yellow',
  removed_at_hub: 'yellow',
  would_change: 'yellow',
  would_remove: 'yellow',
  reverted: 'red',
  failed: 'red',
  unreachable: 'red',
  skipped: 'cyan',
  unknown: 'alarm',
};

export const statusColour = (status: TunnelStatus): Colour => COLOURS[status];

/** The word of a row and of the counts. verify changes nothing, so there an unchanged tunnel is one whose checks passed: `ok`. */
export function statusWord(status: TunnelStatus, command: CommandName): string {
  if (status === 'unchanged' && command === 'verify') return 'ok';
  if (status === 'unknown') return 'UNKNOWN';
  return wordsOf(status);
}

/** An end's status for a person. */
export const wordsOf = (status: TunnelStatus | EndStatus): string => status.replaceAll('_', ' ');

/** Whether a person has to look at it. A tunnel that was not started failed only if something says why. */
export function isFailure(result: TunnelResult): boolean {
  switch (result.status) {
    case 'reverted':
    case 'failed':
    case 'unreachable':
    case 'unknown':
      return true;
    case 'unchanged':
    case 'changed':
    case 'rolled_back':
    case 'removed':
    case 'removed_at_hub':
    case 'would_change':
    case 'would_remove':
    case 'skipped':
      return false;
  }
}

const PUT_BACK: Readonly<Record<PutBack, string>> = {
  answers: 'put back, and the old state answers',
  silent: 'put back to what did not answer before',
  nothing: 'taken away again, there was no tunnel before',
};

/** What a status means for the tunnel, said after the word where it is not plain from it. */
export function statusMeaning(result: TunnelResult, command: CommandName): string | null {
  switch (result.status) {
    case 'reverted':
      return PUT_BACK[result.put_back ?? 'silent'];
    case 'failed':
      return command === 'verify' ? null : 'nothing was touched';
    case 'unreachable':
      return command === 'deploy' || command === 'rollback' ? 'nothing was touched' : null;
    case 'skipped':
      return 'not started';
    case 'unchanged':
      return command === 'rollback' ? 'nothing to put back' : null;
    case 'unknown':
      return 'not proven to be in the old state nor in the new one';
    case 'removed_at_hub':
      return 'its spoke did not answer and may still have it';
    case 'changed':
    case 'rolled_back':
    case 'removed':
    case 'would_change':
    case 'would_remove':
      return null;
  }
}
