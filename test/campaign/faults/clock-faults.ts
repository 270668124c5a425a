/** A host whose clock jumps. Only what people set jumps: the kernel's monotonic clocks go on, as they do in real life. */
import { ENDS } from '../../../src/plan/plan.js';
import { faketimeEnvironment, installFaketime } from '../../faketime.js';
import type { Fault } from '../fault.js';

const CLOCK = '/etc/campaign-clock';

/** Into every process that sshd starts, which is the host program and all that it starts. */
const ARM = String.raw`
echo +0 >${CLOCK}
echo SetEnv ${faketimeEnvironment(CLOCK)} >>/etc/ssh/sshd_config
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
        await installFaketime();
        await site.shell(end, ARM);
      },
      inject: async ({ site }) => {
        await site.shell(end, `echo ${direction === 'forward' ? '+' : '-'}3600 >${CLOCK}`);
      },
      undo: async (site) => void (await site.shell(end, DISARM)),
    })),
  );
