/** What the host program is told. */
import { CHANGE_PROGRAM, PACKETS_PROGRAM } from './host-program.js';

/** What the host program can do; what each means stands in the headers of host.pl, packets.pl and change.pl. */
export type Verb = 'inspect' | 'state' | 'probe' | 'intrude' | 'history' | 'generation' | Change;
type Change =
  'prepare' | 'trial' | 'extend' | 'promise' | 'confirm' | 'revert' | 'settle' | 'note' | 'takeover' | 'sweep';

const TO_CHANGE = [PACKETS_PROGRAM, CHANGE_PROGRAM];
/** What the program needs beyond itself for a verb. */
export const PARTS_OF: Partial<Record<Verb, readonly string[]>> & Record<Change, readonly string[]> = {
  probe: [PACKETS_PROGRAM],
  intrude: [PACKETS_PROGRAM],
  prepare: TO_CHANGE,
  trial: TO_CHANGE,
  extend: TO_CHANGE,
  promise: TO_CHANGE,
  confirm: TO_CHANGE,
  revert: TO_CHANGE,
  settle: TO_CHANGE,
  note: TO_CHANGE,
  takeover: TO_CHANGE,
  sweep: TO_CHANGE,
};

/** One command for the host program. */
export interface HostCommand {
  readonly verb: Verb;
  /** Words without blanks. */
  readonly args: readonly string[];
  readonly payload?: string;
  /** Milliseconds until we stop waiting for the answer. */
  readonly timeoutMs: number;
}

/** A blank would make two words of one, a line break another command. */
export const isWord = (text: string): boolean => /^[!-~]*$/.test(text);
