/** A host's answer to `history`, as values. */
import { VxfleetError } from '../errors.js';
import { parseRecord, parseRecordName } from './parse-record.js';
import { isGeneration, STORE, type EndHistory, type HistoryRecord } from './record.js';

export interface HostHistory {
  /** `hub` or the spoke's name. */
  readonly host: string;
  /** By interface. */
  readonly ends: ReadonlyMap<string, EndHistory>;
  /** Interfaces whose newest generation is damaged: what their last run was is not known. */
  readonly damagedHeads: readonly string[];
  /** A sentence for each record that was skipped. */
  readonly warnings: readonly string[];
}

/** The key under which the host names the records whose content is not what their name says. */
const DAMAGED = 'damaged';
/** A record's place below the store, `vxlan01/000001.confirmed.…`. */
const PLACE = /^(vxlan[0-9a-f]{2,4})\/(.+)$/;

/** @param values `IF/NAME` → header lines, and `damaged` → lines `IF/NAME` */
export function readHistory(host: string, values: ReadonlyMap<string, string>): HostHistory {
  const damaged = new Set((values.get(DAMAGED) ?? '').split('\n').filter((line) => line !== ''));
  const faults = [...damaged].map((place) => skipped(host, place, 'its content is not what its name says'));
  const records = new Map<string, HistoryRecord[]>();
  for (const [place, header] of values) {
    if (place === DAMAGED || damaged.has(place)) continue;
    const [, interfaceName = '', name = ''] = PLACE.exec(place) ?? [];
    const record = parseRecord(interfaceName, name, header);
    if (record === undefined) faults.push(skipped(host, place, 'its name or its header does not read'));
    else if (!records.has(interfaceName)) records.set(interfaceName, [record]);
    else records.get(interfaceName)?.push(record);
  }
  for (const [interfaceName, found] of records) {
    if (found.length > MOST_RECORDS) throw tooMany(host, interfaceName, found.length);
  }
  const ends = [...records].map(([interfaceName, found]): [string, EndHistory] => [
    interfaceName,
    { host, interface: interfaceName, records: found.sort((a, b) => a.sequence - b.sequence) },
  ]);
  const damagedHeads = [...damaged].flatMap((place) => {
    const [, interfaceName = '', name = ''] = PLACE.exec(place) ?? [];
    const torn = parseRecordName(name);
    const newest = records.get(interfaceName)?.findLast(isGeneration)?.sequence ?? 0;
    return torn !== undefined && isGeneration(torn) && torn.sequence > newest ? [interfaceName] : [];
  });
  const more = faults.length - MOST_WARNINGS;
  const warnings = [
    ...faults.slice(0, MOST_WARNINGS),
    ...(more > 0 ? [`${host}: ${more} more records are damaged`] : []),
  ];
  return { host, ends: new Map(ends), damagedHeads, warnings };
}

/** Ten times what a host keeps of a tunnel's end (keep.pl). */
const MOST_RECORDS = 400;
const MOST_WARNINGS = 20;

const tooMany = (host: string, interfaceName: string, count: number): VxfleetError =>
  new VxfleetError('protocol', `${host} keeps ${count} records of ${interfaceName}: no host program keeps so many`, {
    host,
    hint: `Look at ${STORE}/${interfaceName} there.`,
  });

const skipped = (host: string, place: string, why: string): string =>
  `${host}: ${STORE}/${place} is damaged (${why}): skipped`;
