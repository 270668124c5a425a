/** What became of a scalar's text: a value, or what is wrong with it and the fix where there is one. */
export type Reading<T> = { readonly value: T } | { readonly wrong: string; readonly fix?: string | undefined };

/** Turns a scalar's text into a value; pure, never throws. */
export type Reader<T> = (text: string) => Reading<T>;

/** The text as it can be quoted in a message: in double quotes, cut to a readable length. */
export const quote = (text: string): string => `"${text.length > 60 ? `${text.slice(0, 57)}...` : text}"`;
