/** A whole record, with the file that it keeps. */
import { VxfleetError } from '../errors.js';
import type { KeptPlan } from '../plan/plan.js';
import { contentDigest } from './generation-text.js';
import { parsePlan } from './parse-plan.js';
import { parseRecord, parseRecordName } from './parse-record.js';
import { STORE, type HistoryRecord } from './record.js';

export interface Generation {
  readonly record: HistoryRecord;
  /** What the file was rendered from; null when vxfleet did not render it, or when what the record says is no plan of this tunnel. */
  readonly plan: KeptPlan | null;
  /** The interfaces file, byte for byte; null = there is none. */
  readonly text: string | null;
}

/** Throws `refused` when the content is not what the record's name says. */
export function parseGeneration(host: string, interfaceName: string, name: string, content: string): Generation {
  const headerEnd = content.indexOf('\n\n');
  const header = content.slice(0, headerEnd);
  const text = content.slice(headerEnd + 2);
  const record = headerEnd < 0 ? undefined : parseRecord(interfaceName, name, header);
  const isWhole = contentDigest(content) === parseRecordName(name)?.digest;
  if (!isWhole || record === undefined || (!record.hasFile && text !== '')) throw damaged(host, interfaceName, name);
  const planText = /^plan (.*)$/m.exec(header)?.[1];
  return {
    record,
    plan: planText === undefined ? null : parsePlan(interfaceName, planText),
    text: record.hasFile ? text : null,
  };
}

const damaged = (host: string, interfaceName: string, name: string): VxfleetError =>
  new VxfleetError('refused', `${host}: ${STORE}/${interfaceName}/${name} is damaged, so its file cannot be put back`, {
    host,
    hint: 'Choose another run: `vxfleet history` lists them.',
  });
