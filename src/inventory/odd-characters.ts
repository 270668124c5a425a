/** Characters that look like others or like nothing: pasted from a web page, a chat or a word processor, and not to be found by looking. */
import type { Finding } from './problem.js';
import type { SourceText } from './source-text.js';

interface OddCharacter {
  /** First and last code point. */
  readonly range: readonly [first: number, last: number];
  readonly name: string;
  /** What was meant; empty: nothing, it is to be removed. */
  readonly meant: string | ((code: number) => string);
}

const one = (code: number, name: string, meant: OddCharacter['meant']): OddCharacter => ({
  range: [code, code],
  name,
  meant,
});

/** U+FF01 to U+FF5E are ASCII from `!` on. */
const fullWidth = (code: number): string => String.fromCodePoint(code - 0xff01 + 0x21);

const TABLE: readonly OddCharacter[] = [
  one(0x85, 'a next-line control', ''),
  one(0xa0, 'a no-break space', ' '),
  one(0xad, 'a soft hyphen', ''),
  one(0x1680, 'an ogham space', ' '),
  { range: [0x2000, 0x200a], name: 'a typographic space', meant: ' ' },
  { range: [0x200b, 0x200d], name: 'a zero-width character', meant: '' },
  { range: [0x200e, 0x200f], name: 'an invisible mark of writing direction', meant: '' },
  { range: [0x2010, 0x2015], name: 'a typographic dash', meant: '-' },
  { range: [0x2018, 0x201b], name: 'a curly quote', meant: "'" },
  { range: [0x201c, 0x201f], name: 'a curly quote', meant: '"' },
  { range: [0x2028, 0x2029], name: 'a Unicode line separator', meant: '' },
  { range: [0x202a, 0x202e], name: 'an invisible mark of writing direction', meant: '' },
  one(0x202f, 'a narrow no-break space', ' '),
  one(0x205f, 'a mathematical space', ' '),
  { range: [0x2060, 0x2064], name: 'a zero-width character', meant: '' },
  { range: [0x2066, 0x2069], name: 'an invisible mark of writing direction', meant: '' },
  one(0x2212, 'a minus sign of typography', '-'),
  one(0x3000, 'an ideographic space', ' '),
  one(0xfeff, 'a byte order mark inside the file', ''),
  { range: [0xff01, 0xff5e], name: 'a full-width character', meant: fullWidth },
];

/** Letters of other scripts that look like Latin ones. Only inside a Latin word: a path may well be called шаблоны. */
const LATIN_LOOKALIKES: Readonly<Record<string, string>> = {
  а: 'a',
  е: 'e',
  о: 'o',
  р: 'p',
  с: 'c',
  у: 'y',
  х: 'x',
  ѕ: 's',
  і: 'i',
  ј: 'j',
  ο: 'o',
};

/** One finding for each odd character, at its first place, comments and a byte order mark at the file's start left out. */
export function findOddCharacters({ text }: SourceText): Finding[] {
  const places = new Map<string, number[]>();
  const bare = withoutComments(text);
  for (const { 0: character, index } of [...bare.matchAll(CANDIDATES), ...bare.matchAll(LOOKALIKES)]) {
    if (index === 0 && character === '\ufeff') continue;
    const known = places.get(character);
    if (known === undefined) places.set(character, [index]);
    else known.push(index);
  }
  return [...places].map(([character, offsets]) => toFinding(character, offsets));
}

const CANDIDATES = new RegExp(
  `[${TABLE.map(({ range }) => range.map((code) => `\\u{${code.toString(16)}}`).join('-')).join('')}]`,
  'gu',
);

const letters = Object.keys(LATIN_LOOKALIKES).join('');
const LOOKALIKES = new RegExp(`(?<=[A-Za-z])[${letters}]|[${letters}](?=[A-Za-z])`, 'g');

/** Comments, in which everything may stand, as blanks. */
const withoutComments = (text: string): string =>
  text.replace(
    /(^|\s)#[^\r\n]*/gm,
    (comment: string, start: string) => start + ' '.repeat(comment.length - start.length),
  );

function toFinding(character: string, offsets: readonly number[]): Finding {
  const code = character.codePointAt(0) ?? 0;
  const entry = TABLE.find(({ range: [first, last] }) => code >= first && code <= last);
  const lookalike = LATIN_LOOKALIKES[character];
  const name = entry?.name ?? `a letter of another script that looks like "${lookalike}"`;
  const meant = typeof entry?.meant === 'function' ? entry.meant(code) : (entry?.meant ?? lookalike);
  const [offset = 0, ...more] = offsets;
  const others = more.length === 0 ? '' : `, and in ${more.length} more ${more.length === 1 ? 'place' : 'places'}`;
  return {
    offset,
    message: `U+${code.toString(16).toUpperCase().padStart(4, '0')}, ${name}, stands here${others}`,
    fix: meant === '' ? 'remove it' : meant === ' ' ? 'write an ordinary space' : `write ${meant}`,
  };
}
