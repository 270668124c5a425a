/** Fitting text without colour to a terminal's width. A character counts as one column: what is fitted here is plain text. */

/** Cut to at most `width` columns, the last of them `…` when something was cut. */
export function cutToWidth(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : width < 1 ? '' : `${characters.slice(0, width - 1).join('')}…`;
}

/** Broken at spaces (a word longer than a line, at the width) into lines that keep the first line's indentation. */
export function wrapToWidth(text: string, width: number): string[] {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const room = Math.max(width - indent.length, 1);
  const lines: string[] = [];
  let line = '';
  for (const word of text.trimStart().split(/(?<= )(?! )/)) {
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
  return lines.map((part) => indent + part.trimEnd());
}
