/** The few colours used. Whether there is colour at all is the caller's decision (`--no-color`, NO_COLOR, a terminal or not). */

/** SGR parameters of each colour: own constants, because styleText's own look at NO_COLOR changed between Node 20 releases. */
const SGR = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36', alarm: '1;97;41' } as const;

export type Colour = keyof typeof SGR;
/** Wraps text in a colour, or returns it as it is. */
export type Paint = (colour: Colour, text: string) => string;

export const createPaint = (color: boolean): Paint =>
  color ? (colour, text) => (text === '' ? '' : `\x1b[${SGR[colour]}m${text}\x1b[0m`) : (_, text) => text;
