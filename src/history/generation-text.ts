/**
 * The text of a record. Its first two lines are written by the host, which alone knows the outcome; the rest is handed over before
 * the change, so that a host that ends alone can still write it.
 */
import { createHash } from 'node:crypto';
import { bytesOf } from '../text-bytes.js';
import type { KeptPlan } from '../plan/plan.js';
import type { ChangeHeader, Outcome } from './record.js';

/** First line of every record: what it is, and the version of its format. */
export const GENERATION_HEADER = 'vxfleet generation 1';

export interface GenerationMeta extends ChangeHeader {
  /** What the file was rendered from; null when vxfleet did not render it. */
  readonly plan: KeptPlan | null;
}

/**
 * Everything behind the line of the outcome.
 * @param text the interfaces file, kept byte for byte; null = there is none
 */
export function generationBody(meta: GenerationMeta, text: string | null): string {
  const lines = [
    `change ${meta.change}`,
    `time ${meta.time}`,
    `operator ${oneLine(meta.operator)}`,
    `command ${oneLine(meta.command)}`,
    `spoke ${meta.spoke}`,
    `end ${meta.end}`,
    ...(meta.restores === null ? [] : [`restores ${meta.restores}`]),
    ...(meta.otherRestores === null ? [] : [`other-restores ${meta.otherRestores}`]),
    `plan ${meta.plan === null ? '-' : JSON.stringify(meta.plan, (key, value: unknown) => (key === 'ssh' ? undefined : value))}`,
    `file ${text === null ? 'absent' : 'present'}`,
  ];
  return `${lines.join('\n')}\n\n${text ?? ''}`;
}

/** The digest in the record's name: SHA-256 in hex of the whole file. */
export const generationDigest = (outcome: Outcome, body: string): string =>
  contentDigest(`${GENERATION_HEADER}\noutcome ${outcome}\n${body}`);

export const contentDigest = (content: string): string => createHash('sha256').update(bytesOf(content)).digest('hex');

/** Names of users and words of a command line may hold anything; a line break would make a header line of what follows it. */
const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
