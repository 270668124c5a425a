/**
 * Text of hosts, files and programs may carry terminal control, or characters that hide or reorder what is read. Whatever of it reaches a person's
 * terminal comes through here.
 */

// Control characters are what this file looks for.
/* oxlint-disable no-control-regex */

/** CSI, OSC (to its terminator, or to the line's end), DCS-like strings and two-character escapes, each in 7-bit and 8-bit form. */
const ESCAPE_SEQUENCES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]/g;

/**
 * What is no letter that can be seen: controls but for tab and newline, marks of direction, line separators, characters of no width, fillers, tags, and the
 * halves of characters that stand for bytes which are no UTF-8.
 */
const UNSEEN = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** A message without escape sequences and unseen characters; tabs and newlines stay. */
export const printable = (text: string): string => text.replace(ESCAPE_SEQUENCES, '').replace(UNSEEN, '');

/** The same on one line. */
export const printableLine = (text: string): string => printable(text).replace(/\s+/g, ' ').trim();

/**
 * A file's text with every unseen character shown instead of dropped (`␛`, `␍`, `<U+202E>`): in a diff two lines that
 * differ only there must still look different.
 */
export const visible = (text: string): string =>
  text.replace(UNSEEN, (unseen) => {
    const code = unseen.codePointAt(0) ?? 0;
    return pictureOf(code) ?? `<${nameOf(code)}>`;
  });

/** One symbol for each character, so that a caret below them stands where it should; a tab is a blank. */
export const symbols = (text: string): string =>
  text.replace(/[\t\n]|./gsu, (one) => {
    if (one === '\t') return ' ';
    if (one !== '\n' && one.search(UNSEEN) < 0) return one;
    return pictureOf(one.codePointAt(0) ?? 0) ?? '\ufffd'.repeat(one.length);
  });

/** JSON text in which no unseen character is raw; it parses to the same value. */
export const escapeJson = (json: string): string =>
  json.replace(UNSEEN, (unseen) =>
    Array.from({ length: unseen.length }, (_, at) => `\\u${hexOf(unseen.charCodeAt(at))}`).join(''),
  );

/** Unicode has pictures for C0 and DEL. */
function pictureOf(code: number): string | undefined {
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '␡' : undefined;
}

/** A byte that is no UTF-8 is shown as one (text-bytes.ts). */
const nameOf = (code: number): string =>
  code >= 0xdc80 && code <= 0xdcff
    ? `0x${(code - 0xdc00).toString(16).toUpperCase()}`
    : `U+${hexOf(code).toUpperCase()}`;

const hexOf = (code: number): string => code.toString(16).padStart(4, '0');
