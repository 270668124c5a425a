/** Fitting text without colour to a terminal's width. A character counts as one column: what is fitted here is plain text. */

/** Cut to at most `width` columns, the last of them `…` when something was cut. */
export function cutToWidth(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : width < 1 ? '' : `${characters.slice(0, width - 1).join('')}…`;
}

/**
 * Broken at spaces (a word longer than a line, at the width). Further lines start below the first one's text: after its indentation
 * and after a leading word that a gap of two spaces makes a column.
 */
export function wrapToWidth(text: string, width: number): string[] {
  const head = /^ *(?:\S+ {2,})?/.exec(text)?.[0] ?? '';
  // On a terminal so narrow that the column leaves little room, none is kept.
  const start = head.length <= width / 2 ? head : '';
  const room = Math.max(width - start.length, 1);
  const lines: string[] = [];
  let line = '';
  for (const word of text.slice(start.length).split(/(?<= )(?! )/)) {
    if (line !== '' && line.length + word.trimEnd().length > room) {
      lines.push(line);
      line = '';
    }
    line += word;
    while (line.trimEnd().length > room) {
      lines.push(line.slice(0, room));
      line = line.slice(room);
    }
  }
  lines.push(line);
  return lines.map((part, index) => (index === 0 ? start : ' '.repeat(start.length)) + part.trimEnd());
}

/** Text of several lines as one. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
