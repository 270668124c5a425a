/** Keeps V8 from optimizing code that will not run for long. */
import { setFlagsFromString } from 'node:v8';

/**
 * Bytes of bytecode that a function runs before V8 optimizes it; V8's own is 67,584. A run lasts seconds: its optimizing compiler took a sixth of all
 * CPU, on a thread of its own beside sshd's and ours, for code that then ran a few times. What is really hot (an inventory of 65,535 spokes) still gets there.
 */
export const LATE_FLAG = '--interrupt-budget=1000000';

/** V8 says so on stderr when it does not know a flag: it is in all of Node.js 20 to 24. */
const LAST_MAJOR_WITH_FLAG = 24;

/** To be called before the code is loaded that it is for. */
export function compileLate(): void {
  if (Number.parseInt(process.versions.node, 10) <= LAST_MAJOR_WITH_FLAG) setFlagsFromString(LATE_FLAG);
}
