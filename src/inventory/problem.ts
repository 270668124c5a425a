/** One thing that is wrong with an inventory file, where it stands, and what would put it right. */
export interface Problem {
  /** Path as the user gave it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count; a tab is one. */
  readonly column: number;
  /** Facts: what is wrong and why. */
  readonly message: string;
  /** Advice: what to write instead. */
  readonly fix?: string | undefined;
  /** The line as it stands in the file, unescaped; absent when the file could not be read. */
  readonly sourceLine?: string | undefined;
}

/** A complaint that knows its place as an offset into the text; `locate` makes a Problem of it. */
export interface Finding {
  /** UTF-16 offset into the file's text. */
  readonly offset: number;
  readonly message: string;
  readonly fix?: string | undefined;
  /** Of a key that is missing: where, as `spokes.tokyo.id`. */
  readonly missing?: string | undefined;
  /** Of a key that is unknown: the one it was meant for, in the same words. Then that one is not missing, too. */
  readonly meant?: string | undefined;
}
