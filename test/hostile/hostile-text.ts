/** What a hostile host may say in place of what is expected: garbage, and what is right but for one thing. */
import fc from 'fast-check';

/** Words that have broken something somewhere. */
const ODD = [
  '',
  ' ',
  '-1',
  '-oProxyCommand=reboot',
  'NaN',
  '1e999',
  '9'.repeat(400),
  '0x',
  '__proto__',
  'constructor',
  '2001:db8::1\n9 confirm 0 vxlan01',
  '2001:db8::/129',
  'fe80::1%eth0',
  '../../etc/shadow',
  '\u0000',
  '\u001b]0;owned\u0007',
  '\u202evil',
  '\udc80\ud800',
  '\\',
  '\\n'.repeat(500),
  '\n'.repeat(5000),
  ' '.repeat(5000),
  '['.repeat(5000),
  '{"a":'.repeat(5000),
  '*a'.repeat(200),
  '"'.repeat(999),
  'source *\n'.repeat(50),
  'a\\\n'.repeat(5000),
] as const;

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...ODD),
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, 2 ** 53, [], {}, [[[]]], { toString: 1 }, { length: -1 }),
  fc.jsonValue(),
);

export const garbage: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom<string>(...ODD),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.json(),
);

/** One change of a text; some leave it as it is. */
type Change = (text: string) => string;

/** Of the documents of a text, one leaf is another value. */
const withOddLeaf =
  (at: number, value: unknown): Change =>
  (text) => {
    const lines = text.split('\n');
    const index = at % lines.length;
    let left = at;
    const replace = (one: unknown): unknown => {
      if (Array.isArray(one)) return one.map(replace);
      if (typeof one === 'object' && one !== null) {
        return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, replace(inner)]));
      }
      return left-- === 0 ? value : one;
    };
    try {
      const document: unknown = JSON.parse(lines[index] ?? '');
      left = at % (JSON.stringify(document).split(/[:,[]/).length + 1);
      return lines.with(index, JSON.stringify(replace(document))).join('\n');
    } catch {
      return text;
    }
  };

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(2000), oddValue).map(([at, value]) => withOddLeaf(at, value)),
  fc.nat(4000).map(
    (at): Change =>
      (text) =>
        text.slice(0, at % (text.length + 1)),
  ),
  fc.nat(4000).map(
    (at): Change =>
      (text) =>
        text.slice(at % (text.length + 1)),
  ),
  fc.tuple(fc.nat(4000), garbage).map(([at, odd]): Change => (text) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + odd + text.slice(place);
  }),
  fc.constant<Change>((text) => `${text}${text}`),
  garbage.map(
    (odd): Change =>
      () =>
        odd,
  ),
);

/** What a host says, with some values changed, left out or added. */
export const spoilt = (sound: Readonly<Record<string, string>>): fc.Arbitrary<ReadonlyMap<string, string>> =>
  fc
    .record({
      changes: fc.array(fc.tuple(fc.nat(), change), { maxLength: 4 }),
      dropped: fc.array(fc.nat(), { maxLength: 2 }),
      added: fc.array(fc.tuple(garbage, garbage), { maxLength: 2 }),
    })
    .map(({ changes, dropped, added }) => {
      const values = new Map(Object.entries(sound));
      const keys = [...values.keys()];
      const keyAt = (at: number): string => keys[at % keys.length] ?? '';
      for (const [at, apply] of changes) values.set(keyAt(at), apply(values.get(keyAt(at)) ?? ''));
      for (const at of dropped) values.delete(keyAt(at));
      for (const [key, value] of added) values.set(key, value);
      return values;
    });

/** A text of its own, changed now and then. */
export const spoiltText = (sound: string): fc.Arbitrary<string> =>
  fc.array(change, { maxLength: 3 }).map((changes) => changes.reduce((text, apply) => apply(text), sound));

/** Each run draws the same. */
export const SEEDED = { seed: 20_261_128, numRuns: 300 } as const;
