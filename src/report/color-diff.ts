/** A unified diff in the colours people know it by. */
import type { Paint } from './paint.js';

/** Added lines green, removed ones red, the header bold, the places cyan. Text in, text out, line by line. */
export const colorDiff = (text: string, paint: Paint): string =>
  text
    .split('\n')
    .map((line, index) => colorLine(line, index, paint))
    .join('\n');

/** The header is known by its place: a removed line `-- x` also starts with `---`. */
function colorLine(line: string, index: number, paint: Paint): string {
  if (index < 2 && /^(---|\+\+\+) /.test(line)) return paint('bold', line);
  if (line.startsWith('@@')) return paint('cyan', line);
  if (line.startsWith('+')) return paint('green', line);
  if (line.startsWith('-')) return paint('red', line);
  return line.startsWith('\\') ? paint('dim', line) : line;
}
