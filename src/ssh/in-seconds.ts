/** A timeout as messages say it: `10 s`, `0.3 s`. */
export const inSeconds = (milliseconds: number): string => `${milliseconds / 1000} s`;
