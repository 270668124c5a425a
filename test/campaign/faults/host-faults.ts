/** Faults of a host and of its processes. */
import { ENDS, type End } from '../../../src/plan/plan.js';
import type { Fault } from '../fault.js';

const KILL_PROGRAM = String.raw`kill -9 $(pgrep -f '^[v]xfleet: program')`;
/** Its guard too. */
const KILL_ALL = String.raw`kill -9 $(pgrep -f '^[v]xfleet: ')`;
/** The listener and every session of it: none of them says goodbye. The host's init starts a new listener after a second. */
const KILL_SSHD = 'pkill -KILL sshd';

export const hostFaults = (): Fault[] =>
  ENDS.flatMap((end): Fault[] => [
    { name: `SIGKILL of the program on the ${end}`, inject: kill(end, KILL_PROGRAM) },
    // Nobody is left on that host.
    { name: `SIGKILL of program and guard on the ${end}`, inject: kill(end, KILL_ALL), leaves: 'everything' },
    { name: `sshd killed on the ${end}`, inject: kill(end, KILL_SSHD) },
    {
      name: `reboot of the ${end}`,
      inject: ({ site }) => site.lab.reboot(site.hostOf(end)),
      stagedAt: [end],
      // A reboot forgets a trial. Between the two confirms the hub then comes up on the old file, the spoke is on the new one.
      ...(end === 'hub' ? { costsBystanders: true as const, leaves: 'tunnel' as const } : {}),
    },
  ]);

const kill =
  (end: End, script: string): NonNullable<Fault['inject']> =>
  async ({ site }) => {
    await site.shell(end, script);
  };
