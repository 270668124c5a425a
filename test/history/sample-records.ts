/** Records to read, match and go back to. */
import {
  generationBody,
  generationDigest,
  GENERATION_HEADER,
  type GenerationMeta,
} from '../../src/history/generation-text.js';
import { FIRST, type EndHistory, type HistoryRecord, type Outcome } from '../../src/history/record.js';

export const RUN = '20261123T120000-abc123';
export const CHANGE = `${RUN}.1`;

export const meta = (changes: Partial<GenerationMeta> = {}): GenerationMeta => ({
  change: CHANGE,
  time: '2026-11-23T12:00:05Z',
  operator: 'alice@bastion',
  command: 'deploy tokyo',
  spoke: 'tokyo',
  end: 'hub',
  restores: null,
  otherRestores: null,
  plan: null,
  ...changes,
});

/** The file's name and content as a host would have written them. */
export function storedFile(
  sequence: number,
  outcome: Outcome,
  changes: Partial<GenerationMeta> = {},
  text: string | null = 'iface vxlan01 inet6 manual\n',
): { readonly name: string; readonly content: string; readonly header: string } {
  const body = generationBody(meta(changes), text);
  const content = `${GENERATION_HEADER}\noutcome ${outcome}\n${body}`;
  const header = content.slice(0, content.indexOf('\n\n')).replace(/^plan .*\n/m, '');
  return {
    name: `${String(sequence).padStart(6, '0')}.${outcome}.${generationDigest(outcome, body)}`,
    content,
    header,
  };
}

/** @param changes `run` names the run's only change too, and `restores` may be a run that made one */
export const record = (sequence: number, changes: Partial<HistoryRecord> = {}): HistoryRecord => {
  const run = changes.run ?? `run-${sequence}`;
  const { plan: _, ...header } = meta({
    change: `${run}.1`,
    time: `2026-11-23T12:00:${String(sequence % 60).padStart(2, '0')}Z`,
  });
  return {
    ...header,
    run,
    interface: 'vxlan01',
    name: `record-${sequence}`,
    sequence,
    outcome: 'confirmed',
    hasFile: true,
    ...changes,
    restores: changeOf(changes.restores),
    otherRestores: changeOf(changes.otherRestores),
  };
};

const changeOf = (restores: string | null | undefined): string | null => {
  if (restores == null) return null;
  return restores === FIRST || restores.includes('.') ? restores : `${restores}.1`;
};

export const endHistory = (records: readonly HistoryRecord[], host = 'hub'): EndHistory => ({
  host,
  interface: 'vxlan01',
  records,
});

/** The hub's end of the tunnel with this id, of one digit. */
export const hubEnd = (id: number, ...records: readonly HistoryRecord[]): EndHistory => {
  const name = `vxlan0${id}`;
  return { host: 'hub', interface: name, records: records.map((one) => ({ ...one, interface: name })) };
};
