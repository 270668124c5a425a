import { describe, expect, it } from 'vitest';
import { readHistory } from '../../src/history/read-history.js';
import { CHANGE, RUN, storedFile } from './sample-records.js';

const DIGEST = 'a'.repeat(64);

describe('readHistory', () => {
  it('reads the records of every interface, oldest first, in whatever order the host lists them', () => {
    const files = [storedFile(10, 'reverted'), storedFile(9, 'confirmed'), storedFile(1_000_000, 'found', {}, null)];
    const other = storedFile(1, 'window', { restores: 'first', spoke: 'osaka' });
    const { ends, warnings } = readHistory(
      'hub',
      new Map([
        ...files.map((file) => [`vxlan01/${file.name}`, file.header] as const),
        [`vxlan0a/${other.name}`, other.header],
      ]),
    );
    expect(warnings).toEqual([]);
    expect(ends.get('vxlan01')?.records.map(({ sequence, outcome, hasFile }) => [sequence, outcome, hasFile])).toEqual([
      [9, 'confirmed', true],
      [10, 'reverted', true],
      [1_000_000, 'found', false],
    ]);
    expect(ends.get('vxlan0a')).toEqual({
      host: 'hub',
      interface: 'vxlan0a',
      records: [
        {
          interface: 'vxlan0a',
          name: other.name,
          sequence: 1,
          outcome: 'window',
          change: CHANGE,
          run: RUN,
          time: '2026-11-23T12:00:05Z',
          operator: 'alice@bastion',
          command: 'deploy tokyo',
          spoke: 'osaka',
          end: 'hub',
          restores: 'first',
          otherRestores: null,
          hasFile: true,
        },
      ],
    });
  });

  it('has nothing of a host that keeps nothing', () => {
    expect(readHistory('hub', new Map())).toEqual({ host: 'hub', ends: new Map(), damagedHeads: [], warnings: [] });
  });

  it('skips what the host found damaged, with a message', () => {
    const [good, bad] = [storedFile(1, 'confirmed'), storedFile(2, 'confirmed')];
    const { ends, warnings } = readHistory(
      'tokyo',
      new Map([
        [`vxlan01/${good.name}`, good.header],
        [`vxlan01/${bad.name}`, bad.header],
        ['damaged', `vxlan01/${bad.name}\nvxlan01/000003.confirmed.${DIGEST}\n`],
      ]),
    );
    expect(ends.get('vxlan01')?.records.map(({ sequence }) => sequence)).toEqual([1]);
    expect(warnings).toEqual([
      `tokyo: /var/lib/vxfleet/vxlan01/${bad.name} is damaged (its content is not what its name says): skipped`,
      `tokyo: /var/lib/vxfleet/vxlan01/000003.confirmed.${DIGEST} is damaged (its content is not what its name says): skipped`,
    ]);
  });

  it.each([
    ['the newest generation', 2, 'confirmed', ['vxlan01']],
    ['an older generation', 0, 'confirmed', []],
    ['the record of a failure', 2, 'reverted', []],
  ] as const)(
    'says of which interfaces the last state is not known: %s is damaged',
    (_, sequence, outcome, expected) => {
      const [good, bad] = [storedFile(1, 'confirmed'), storedFile(sequence, outcome)];
      const values = new Map([
        [`vxlan01/${good.name}`, good.header],
        ['damaged', `vxlan01/${bad.name}`],
      ]);
      expect(readHistory('hub', values).damagedHeads).toEqual(expected);
    },
  );

  const { name, header } = storedFile(1, 'confirmed');
  it.each([
    ['no name of a record', `vxlan01/notes.txt`, header],
    ['an outcome that does not exist', `vxlan01/000001.maybe.${DIGEST}`, header],
    ['another outcome than its name', `vxlan01/${name.replace('confirmed', 'found')}`, header],
    ['no tunnel', `eth0/${name}`, header],
    ['another version of the format', `vxlan01/${name}`, header.replace('generation 1', 'generation 2')],
    ['no change', `vxlan01/${name}`, header.replace(/^change .*\n/m, '')],
    ['a change that is no word', `vxlan01/${name}`, header.replace(/^change .*$/m, 'change ../x.1')],
    ['a run in place of a change', `vxlan01/${name}`, header.replace(/^change .*$/m, 'change run-a')],
    ['a line twice', `vxlan01/${name}`, `change run-b.1\n${header}`],
    ['no time', `vxlan01/${name}`, header.replace(/^time .*$/m, 'time yesterday')],
    ['a spoke that is no name', `vxlan01/${name}`, header.replace(/^spoke .*$/m, 'spoke a b')],
    ['no end of a tunnel', `vxlan01/${name}`, header.replace(/^end .*$/m, 'end both')],
    ['nothing', `vxlan01/${name}`, ''],
  ])('skips a record with %s', (_, place, text) => {
    const { ends, warnings } = readHistory('hub', new Map([[place, text]]));
    expect(ends.size).toBe(0);
    expect(warnings).toEqual([
      `hub: /var/lib/vxfleet/${place} is damaged (its name or its header does not read): skipped`,
    ]);
  });
});
