/** Keeps V8 from optimizing code that will not run for long. */
import { setFlagsFromString } from 'node:v8';

/**
 * The flag that makes V8 optimize later, by the major version of Node.js. V8 says on stderr that it does not know a flag, and renamed this one between
 * 20 and 22: so a version that is not listed gets none.
 *
 * In 20 it is the bytes of bytecode that a function runs before V8 optimizes it, instead of V8's own 67,584. A run lasts seconds: its optimizing compiler took a sixth of all
 * CPU, on a thread of its own beside sshd's and ours, for code that then ran a few times. What is really hot (an inventory of 65,535 spokes) still gets there.
 */
const LATE_FLAGS: Readonly<Record<number, string>> = { 20: '--interrupt-budget=1000000' };

/** @param nodeVersion like "20.19.0" */
export function lateFlag(nodeVersion: string): string | undefined {
  return LATE_FLAGS[Number.parseInt(nodeVersion, 10)];
}

/** To be called before the code is loaded that it is for. */
export function compileLate(): void {
  const flag = lateFlag(process.versions.node);
  if (flag !== undefined) setFlagsFromString(flag);
}
