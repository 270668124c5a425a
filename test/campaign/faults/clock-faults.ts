/** A host whose clock jumps. Only what people set jumps: the kernel's monotonic clocks go on, as they do in real life. */
import { existsSync } from 'node:fs';
import { ENDS } from '../../../src/plan/plan.js';
import { runProgram } from '../../../src/lab/run-program.js';
import type { Fault } from '../fault.js';

/** Debian's libfaketime; the lab's hosts see the machine's files. */
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';
const CLOCK = '/etc/campaign-clock';

/** Into every process that sshd starts, which is the host program and all that it starts. */
const ARM = String.raw`
echo +0 >${CLOCK}
echo SetEnv LD_PRELOAD=${LIBRARY} FAKETIME_TIMESTAMP_FILE=${CLOCK} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 >>/etc/ssh/sshd_config
kill -HUP "$(cat /run/sshd.pid)"
sleep 0.5`;
const DISARM = String.raw`
sed -i /LD_PRELOAD/d /etc/ssh/sshd_config
rm -f ${CLOCK}
kill -HUP "$(cat /run/sshd.pid)"
sleep 0.5`;

export const clockFaults = (): Fault[] =>
  ENDS.flatMap((end) =>
    (['forward', 'back'] as const).map((direction): Fault => ({
      name: `clock an hour ${direction} on the ${end}`,
      arm: async (site) => {
        installed ??= installLibrary();
        await installed;
        await site.shell(end, ARM);
      },
      inject: async ({ site }) => {
        await site.shell(end, `echo ${direction === 'forward' ? '+' : '-'}3600 >${CLOCK}`);
      },
      undo: async (site) => void (await site.shell(end, DISARM)),
    })),
  );

/** Once, whichever lab needs it first. */
let installed: Promise<void> | undefined;

async function installLibrary(): Promise<void> {
  if (existsSync(LIBRARY)) return;
  await runProgram(['apt-get', '-qq', 'update']);
  await runProgram(['apt-get', '-qq', 'install', '-y', '--no-install-recommends', 'libfaketime']);
}
