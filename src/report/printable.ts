/** Text from hosts and files may carry terminal control; here it is made harmless before a person's terminal sees it. */

// Control characters are what this file looks for.
/* oxlint-disable no-control-regex */

/** CSI, OSC (to its terminator, or to the line's end), DCS-like strings and two-character escapes, each in 7-bit and 8-bit form. */
const ESCAPE_SEQUENCES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]/g;

/** C0 but for tab and newline, DEL, C1, and the marks that reorder text on screen so that it reads as something else. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A message without escape sequences and control characters; tabs and newlines stay. */
export const printable = (text: string): string => text.replace(ESCAPE_SEQUENCES, '').replace(CONTROLS, '');

/** The same on one line. */
export const printableLine = (text: string): string => printable(text).replace(/\s+/g, ' ').trim();

/**
 * A file's text with every control character shown instead of dropped (`␛`, `␍`, `<U+202E>`): in a diff two lines that
 * differ only there must still look different.
 */
export const visible = (text: string): string => text.replace(CONTROLS, picture);

/** JSON text in which no control character is raw; it parses to the same value. */
export const escapeJson = (json: string): string =>
  json.replace(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);

function picture(control: string): string {
  const code = control.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '␡' : `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}
