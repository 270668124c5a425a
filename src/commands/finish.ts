/** Hands a command's exit code to the entry file, the only place that touches it. */
export type Finish = (exitCode: Promise<number>) => Promise<void>;
