/** ifup that hangs, fails half-way or is killed: the next one, once. */
import { ENDS } from '../../../src/plan/plan.js';
import type { Fault } from '../fault.js';

/** What goes wrong, as a line of the stanza, behind the lines that make the link. */
const SABOTAGES = {
  hangs: 'post-up sleep 1000',
  'fails half-way': 'post-up false',
  'is killed': 'post-up kill -9 $PPID',
};

/** In front of the real ifup: the first that would really bring something up is given a stanza with the line. */
const wrapper = (line: string): string => String.raw`#!/bin/sh
case " $* " in *' -n '* | *' -a '* | *' --version '*) exec /sbin/ifup "$@" ;; esac
mkdir /tmp/campaign-ifup 2>/dev/null || exec /sbin/ifup "$@"
for interface; do :; done
file=/etc/network/interfaces.d/$interface
[ "$1" != -i ] || file=$2
awk -v line='${line}' '/^ *post-up/ && !done { print "  " line; done = 1 } { print }' "$file" >/tmp/campaign-ifup/stanza
exec /sbin/ifup -i /tmp/campaign-ifup/stanza "$interface"
`;

export const ifupFaults = (): Fault[] =>
  ENDS.flatMap((end) =>
    Object.entries(SABOTAGES).map(([what, line]): Fault => ({
      name: `ifup ${what} on the ${end}`,
      // Only what is before an ifup can be followed by one: that of the trial, or that of the way back.
      fits: ({ step, phase }) => phase === 'before' && ['prepare', 'trial', 'revert'].includes(step),
      inject: async ({ site }) => {
        const install = `cat >/usr/local/sbin/ifup <<'WRAPPER'\n${wrapper(line)}WRAPPER\nchmod 755 /usr/local/sbin/ifup`;
        await site.shell(end, install);
      },
      undo: async (site) => void (await site.shell(end, 'rm -rf /usr/local/sbin/ifup /tmp/campaign-ifup')),
    })),
  );
