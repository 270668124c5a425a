import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { canonicalForm, foldDiffs, type EndDiff } from '../../src/diff/fold-diffs.js';

const diffOf = (id: number, text: string, more: Partial<EndDiff> = {}): EndDiff => {
  const spoke = `site${id}`;
  const nn = id.toString(16).padStart(2, '0');
  return {
    spoke,
    id,
    end: 'spoke',
    drift: [],
    placeholders: new Map([
      [spoke, 'spoke'],
      [`vxlan${nn}`, 'interface'],
      [`2001:db8:ae${nn}::1`, 'address'],
      [`203.0.113.${id}`, 'underlay'],
      [String(id), 'id'],
    ]),
    ...more,
    text: text
      .replaceAll('SPOKE', spoke)
      .replaceAll('IFACE', `vxlan${nn}`)
      .replaceAll('ADDR', `2001:db8:ae${nn}::1`)
      .replaceAll('UNDERLAY', `203.0.113.${id}`)
      .replaceAll('ID', String(id)),
  };
};

describe('foldDiffs', () => {
  it('folds one change of many tunnels and shows the first', () => {
    const text = '--- SPOKE:/etc/IFACE\n-IFACE id ID remote UNDERLAY.\n+address ADDR/64\n';
    const [group, ...others] = foldDiffs([3, 1, 2].map((id) => diffOf(id, text)));
    expect(others).toEqual([]);
    expect(group).toMatchObject({ spokes: ['site3', 'site1', 'site2'], ids: [3, 1, 2], text: diffOf(3, text).text });
  });

  it('keeps apart what differs in anything else', () => {
    const groups = foldDiffs([
      diffOf(1, '+mtu 1400\n'),
      diffOf(2, '+mtu 1399\n'),
      diffOf(3, '+mtu 1400\n', { end: 'hub' }),
      diffOf(4, '+mtu 1400\n', { drift: ['the MTU is 1450'] }),
      diffOf(5, '+mtu 1400\n'),
    ]);
    expect(groups.map(({ ids }) => ids)).toEqual([[1, 5], [2], [3], [4]]);
  });

  it('folds drift by the same rule', () => {
    const drift = (id: number) => [`vxlan0${id}: the address 2001:db8:ae0${id}::1 is missing`];
    expect(foldDiffs([diffOf(1, '', { drift: drift(1) }), diffOf(2, '', { drift: drift(2) })])).toHaveLength(1);
  });

  it('replaces whole tokens only', () => {
    // 1 and 2 are these tunnels' ids; inside an address, a name or a number they are something else.
    for (const text of ['+2001:db8::%\n', '+port 478%\n', '+%.5\n', '+eth-%\n', '+vlan%\n', '+ip -%\n', '+::1/%\n']) {
      const diffs = [1, 2].map((id) => diffOf(id, text.replace('%', String(id))));
      expect(foldDiffs(diffs), text).toHaveLength(2);
    }
  });

  it('is not fooled by text that looks like a placeholder', () => {
    expect(foldDiffs([diffOf(1, '+{"is":"id"}\n'), diffOf(2, '+ID\n'), diffOf(3, '+"},{"is":"id"}\n')])).toHaveLength(
      3,
    );
  });

  it('puts every diff into exactly one group and never joins different canonical forms', () => {
    const word = fc.constantFrom(
      'SPOKE',
      'IFACE',
      'ADDR',
      'UNDERLAY',
      'ID',
      '1',
      '2',
      'vxlan01',
      'mtu',
      '::',
      '-',
      ':',
      '\n+',
      ' ',
    );
    const diff = fc
      .tuple(
        fc.integer({ min: 1, max: 200 }),
        fc.array(word, { maxLength: 8 }),
        fc.constantFrom('hub' as const, 'spoke' as const),
      )
      .map(([id, words, end]) => diffOf(id, words.join(''), { end }));
    fc.assert(
      fc.property(fc.uniqueArray(diff, { selector: ({ id }) => id, maxLength: 30 }), (diffs) => {
        const groups = foldDiffs(diffs);
        expect(groups.flatMap(({ ids }) => ids).sort((a, b) => a - b)).toEqual(
          diffs.map(({ id }) => id).sort((a, b) => a - b),
        );
        const formOf = new Map(diffs.map((d) => [d.id, canonicalForm(d)]));
        const forms = groups.map(({ ids }) => new Set(ids.map((id) => formOf.get(id))));
        for (const form of forms) expect(form.size).toBe(1);
        expect(new Set(forms.map((form) => [...form][0])).size).toBe(groups.length);
        for (const { ids, text } of groups) expect(text).toBe(diffs.find(({ id }) => id === ids[0])?.text);
      }),
    );
  });
});
