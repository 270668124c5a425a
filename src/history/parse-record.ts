/** From a record's file name and header to a value. What does not read is undefined: whoever asked says which file it was. */
import { ENDS } from '../plan/plan.js';
import { isChangeId, runOf } from './change-id.js';
import { GENERATION_HEADER } from './generation-text.js';
import { FIRST, OUTCOMES, type HistoryRecord, type Outcome } from './record.js';

/** Six digits or more, the outcome, and the SHA-256 of the content. */
const NAME = /^(\d{6,12})\.([a-z]{1,20})\.([0-9a-f]{64})$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const SPOKE = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Characters of what somebody has typed that are shown. */
const MOST_WORDS = 1000;

export interface RecordName {
  readonly sequence: number;
  readonly outcome: Outcome;
  readonly digest: string;
}

export function parseRecordName(name: string): RecordName | undefined {
  const [, sequence, word, digest] = NAME.exec(name) ?? [];
  const outcome = OUTCOMES.find((one) => one === word);
  if (outcome === undefined || digest === undefined) return undefined;
  return { sequence: Number(sequence), outcome, digest };
}

/** @param header the record's lines up to `file …`; the one of the plan may be left out */
export function parseRecord(interfaceName: string, name: string, header: string): HistoryRecord | undefined {
  const named = parseRecordName(name);
  const [first, ...lines] = header.trimEnd().split('\n');
  const fields = new Map(lines.map(splitLine));
  const field = (key: string): string => fields.get(key) ?? '';

  const restores = fields.get('restores') ?? null;
  const otherRestores = fields.get('other-restores') ?? null;
  const end = ENDS.find((one) => one === field('end'));
  const isSound =
    first === GENERATION_HEADER &&
    fields.size === lines.length &&
    field('outcome') === named?.outcome &&
    isChangeId(field('change')) &&
    TIME.test(field('time')) &&
    fields.has('operator') &&
    fields.has('command') &&
    SPOKE.test(field('spoke')) &&
    [restores, otherRestores].every((one) => one === null || one === FIRST || isChangeId(one)) &&
    ['present', 'absent'].includes(field('file'));
  if (!isSound || named === undefined || end === undefined) return undefined;
  return {
    interface: interfaceName,
    name,
    sequence: named.sequence,
    outcome: named.outcome,
    change: field('change'),
    run: runOf(field('change')),
    time: field('time'),
    operator: field('operator').slice(0, MOST_WORDS),
    command: field('command').slice(0, MOST_WORDS),
    spoke: field('spoke'),
    end,
    restores,
    otherRestores,
    hasFile: field('file') === 'present',
  };
}

/** `key value`, the value being the rest of the line. */
function splitLine(line: string): [string, string] {
  const blank = line.indexOf(' ');
  return blank < 0 ? [line, ''] : [line.slice(0, blank), line.slice(blank + 1)];
}
