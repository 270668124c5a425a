/** Faults of the underlay: a host's cable is pulled and put back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ENDS } from '../../../src/plan/plan.js';
import type { Fault } from '../fault.js';

/** A cut that everybody can sit out, in ms. */
const SHORT_CUT_MS = 3000;
/** A hub in doubt asks at growing intervals of at most 30 s: that long and a little may pass until it sees that the line is back. */
const DOUBT_SECONDS = 35;

export const cableFaults = (): Fault[] =>
  ENDS.flatMap((end): Fault[] => {
    const cut: Fault = {
      name: '',
      inject: ({ site }) => site.lab.cut(site.hostOf(end)),
      undo: (site) => site.lab.heal(site.hostOf(end)),
      ...(end === 'hub' ? { costsBystanders: true as const } : {}),
    };
    return [
      {
        ...cut,
        name: `cut of the ${end}, healed at once`,
        follow: async ({ site }) => {
          await sleep(SHORT_CUT_MS);
          await site.lab.heal(site.hostOf(end));
        },
      },
      {
        ...cut,
        name: `cut of the ${end} past the window`,
        settleSeconds: DOUBT_SECONDS,
        follow: async ({ site }) => {
          await sleep((site.windowSeconds + 5) * 1000);
          await site.lab.heal(site.hostOf(end));
        },
      },
    ];
  });
