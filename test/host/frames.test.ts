import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, type Reply } from '../../src/host/frames.js';

const NONCE = '0123456789abcdef0123456789abcdef';

interface Read {
  readonly sequence: number;
  readonly reply: Reply;
}

function read(...chunks: (string | Buffer)[]): Read[] {
  const replies: Read[] = [];
  const reader = new FrameReader(NONCE, {
    isAsked: () => true,
    onReply: (sequence, reply) => void replies.push({ sequence, reply }),
    mostBytes: 1e9,
  });
  for (const chunk of chunks) reader.push(Buffer.from(chunk as string));
  return replies;
}

/** What the host program writes for a value: escaped, then cut into pieces of so many bytes, each a line. */
function frames(sequence: number, key: string, value: string, pieceBytes = 800): Buffer[] {
  const bytes = Buffer.from(value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n'));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += pieceBytes) {
    const head = Buffer.from(`${NONCE} ${sequence} ${key} `);
    pieces.push(Buffer.concat([head, bytes.subarray(at, at + pieceBytes), Buffer.from('\n')]));
  }
  return pieces;
}
const end = (sequence: number, text = 'ok'): Buffer => Buffer.from(`${NONCE} ${sequence} ! ${text}\n`);

describe('noise', () => {
  it('is kept as far as it says why nothing else comes, and no longer', () => {
    const reader = new FrameReader(NONCE, { isAsked: () => true, onReply: () => {}, mostBytes: 1e9 });
    reader.push(Buffer.from(`${'x'.repeat(9000)}\nmaintenance\nuntil nöon`));
    expect(reader.hasHeard).toBe(false);
    expect(reader.noise).toMatch(/^x+\nmaintenance\nuntil nöon$/);
    expect(reader.noise.length).toBeLessThan(1100);
    reader.push(Buffer.from(`\n${NONCE} 0 hello 5.2\nlater noise\n`));
    expect(reader.hasHeard).toBe(true);
    expect(reader.noise).toBe('');
  });

  it('without a line break, however much of it, does not hide what follows', () => {
    const noise = Array.from({ length: 50 }, () => 'x'.repeat(100_000));
    const [first] = read(...noise, Buffer.concat([...frames(1, 'uid', '0'), end(1)]));
    expect(first?.reply.values.get('uid')).toBe('0');
  });

  it('that ends in the middle of one of our lines keeps its beginning', () => {
    const line = Buffer.concat([...frames(1, 'uid', '0'), end(1)]);
    const replies = read('x'.repeat(9000), line.subarray(0, 20), line.subarray(20));
    expect(replies[0]?.reply.values.get('uid')).toBe('0');
  });
});

describe('an answer', () => {
  it('is its values and its end', () => {
    expect(read(...frames(1, 'uid', '0'), ...frames(1, 'ssh', ''), end(1))).toEqual([
      {
        sequence: 1,
        reply: {
          ok: true,
          reason: '',
          text: '',
          values: new Map([
            ['uid', '0'],
            ['ssh', ''],
          ]),
        },
      },
    ]);
  });

  it('may have no values', () => {
    expect(read(end(7))).toMatchObject([{ sequence: 7, reply: { ok: true } }]);
  });

  it('that is an error has a reason, a sentence, and the values that came before', () => {
    const [found] = read(...frames(2, 'output', 'RTNETLINK'), end(2, 'ifup ifup failed with status 1: größer'));
    expect(found?.reply).toEqual({
      ok: false,
      reason: 'ifup',
      text: 'ifup failed with status 1: größer',
      values: new Map([['output', 'RTNETLINK']]),
    });
  });

  it('does not come before its end', () => {
    expect(read(...frames(1, 'uid', '0'), `${NONCE} 1 ! o`)).toEqual([]);
  });

  it('starts anew after the end, even with the same number', () => {
    const [, second] = read(...frames(1, 'a', 'x'), end(1), ...frames(1, 'b', 'y'), end(1));
    expect([...(second?.reply.values ?? [])]).toEqual([['b', 'y']]);
  });

  it('is told from others whose lines come between', () => {
    const found = read(
      ...[frames(1, 'a', 'one')[0] ?? '', frames(2, 'a', 'two')[0] ?? '', frames(1, 'a', ' and more')[0] ?? ''],
      ...[end(2), ...frames(3, 'b', 'three'), end(1), end(3)],
    );
    expect(found.map(({ sequence, reply }) => [sequence, [...reply.values]])).toEqual([
      [2, [['a', 'two']]],
      [1, [['a', 'one and more']]],
      [3, [['b', 'three']]],
    ]);
  });
});

describe('a value', () => {
  const roundTrip = (value: string, pieceBytes = 800) =>
    read(...frames(1, 'v', value, pieceBytes), end(1))[0]?.reply.values.get('v');

  it.each([
    ['newlines', 'a\n\nb\n'],
    ['backslashes before an n', 'a\\nb \\\\n c\\\n'],
    ['blanks at both ends', '  x  '],
    ['characters of several bytes', 'ümlaut 日本語 🛰'],
    ['nothing', ''],
    ['what looks like the end of an answer', `x\n${NONCE} 1 ! ok\n`],
    ['what looks like another answer', `${NONCE} 9 v stolen`],
  ])('may have %s', (_title, value) => {
    expect(roundTrip(value)).toBe(value);
  });

  it('may be cut within a character or an escape', () => {
    expect(roundTrip('日本語\n\\n', 1)).toBe('日本語\n\\n');
  });
});

describe('noise', () => {
  it.each([
    ['a banner', 'Welcome to host\n* 3 updates\n\n'],
    ['a banner without a final newline', 'Welcome to host $ '],
    ['another program’s frames', 'ffff 1 ! ok\n'],
    ['bytes that are no text', Buffer.from([0, 255, 254, 10, 200])],
  ])('before the first line is dropped: %s', (_title, noise) => {
    expect(read(noise, ...frames(1, 'uid', '0'), end(1))).toMatchObject([{ sequence: 1, reply: { ok: true } }]);
    expect(read(noise, ...frames(1, 'uid', '0'), end(1))[0]?.reply.values.get('uid')).toBe('0');
  });

  it('between lines is dropped', () => {
    expect(read(...frames(1, 'a', 'x'), 'Broadcast message\n', end(1))).toHaveLength(1);
  });
});

describe('however the bytes arrive', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => value.replaceAll('\0', ''));
  const trap = fc.constantFrom('\\', '\n', '\\n', 'n', ' ', '日', '🛰', `${NONCE} 1 ! ok`, '\r', '!');
  const value = fc.oneof(
    text,
    fc.array(fc.oneof(trap, text), { maxLength: 8 }).map((parts) => parts.join('')),
  );
  const answers = fc.array(fc.dictionary(fc.stringMatching(/^[a-z_:]{1,8}$/), value, { maxKeys: 4 }), {
    minLength: 1,
    maxLength: 4,
  });

  it('every answer has every value, whole and its own', () => {
    fc.assert(
      fc.property(answers, fc.integer({ min: 1, max: 40 }), fc.infiniteStream(fc.nat()), (sent, pieceBytes, dice) => {
        // Lines of different answers in any order, each answer's own in theirs.
        const queues = sent.map((values, index) => [
          ...Object.entries(values).flatMap(([key, text]) => frames(index + 1, key, text, pieceBytes)),
          end(index + 1),
        ]);
        const lines: Buffer[] = [];
        const roll = (below: number): number => (dice.next().value ?? 0) % below;
        for (let left = queues; left.length > 0; left = left.filter((queue) => queue.length > 0)) {
          lines.push(left[roll(left.length)]?.shift() ?? Buffer.alloc(0));
        }
        // Cut anywhere, within characters, escapes and numbers too.
        const bytes = Buffer.concat(lines);
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length;) {
          const length = 1 + roll(30);
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        const found = new Map(read(...chunks).map(({ sequence, reply }) => [sequence, reply.values]));
        expect(found.size).toBe(sent.length);
        for (const [index, values] of sent.entries()) {
          expect(found.get(index + 1)).toEqual(new Map(Object.entries(values)));
        }
      }),
    );
  });
});
