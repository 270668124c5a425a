/** Words that a POSIX shell takes literally. */
const PLAIN_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One command line for a POSIX shell that runs exactly this argv, whatever the words hold. */
export function shellQuote(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
