export const LIMIT_HELP =
  "a spoke or a glob of names (tok*), an interface (vxlan0a), an id, a tag (@kansai), hub (the hub's ends only), or with ! all but these; none: the whole fleet";

/** The examples that end every command's help. */
export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
