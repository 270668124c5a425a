/** The moments of a change at which something is made to go wrong. */
import type { End } from '../../src/plan/plan.js';
import type { Random } from './random.js';

/** A moment, by a message from vxfleet to one end. */
export interface Point {
  /** The step of the protocol, as the table has it. */
  readonly step: string;
  /** Before it is sent, or after it was answered: vxfleet waits meanwhile. `during`: it has just been sent, and nobody waits. */
  readonly phase: 'before' | 'during' | 'after';
  readonly end: End;
  readonly verb: string;
  /** Which message of this verb to this end, 1 being the first. */
  readonly nth: number;
  /** How long after the message was sent, in ms; only for `during`. */
  readonly delayMs: number;
  /** What has to go wrong by itself so that the message is sent at all. */
  readonly needs: Trouble | undefined;
}

/**
 * `refusal`: the spoke drops what comes for the new end, so the change is never proven and is taken back.
 * `lost answer`: the spoke confirms, and vxfleet does not hear of it.
 */
type Trouble = 'refusal' | 'lost answer';

/** A message of the protocol that a point can be tied to. */
interface Message {
  readonly step: string;
  readonly verb: string;
  readonly ends: readonly End[];
  readonly nth?: number;
  readonly needs?: Trouble;
}

const BOTH: readonly End[] = ['hub', 'spoke'];

/** In the order in which they are sent. */
const MESSAGES: readonly Message[] = [
  { step: 'prepare', verb: 'prepare', ends: BOTH },
  { step: 'trial', verb: 'trial', ends: BOTH },
  // The first probe of each end takes the baseline.
  { step: 'proof', verb: 'probe', ends: BOTH, nth: 2 },
  // Sent while a proof takes its time.
  { step: 'extend', verb: 'extend', ends: BOTH, needs: 'refusal' },
  { step: 'promise', verb: 'promise', ends: ['hub'] },
  { step: 'confirm spoke', verb: 'confirm', ends: ['spoke'] },
  { step: 'confirm hub', verb: 'confirm', ends: ['hub'] },
  { step: 'settle', verb: 'settle', ends: ['hub'], needs: 'lost answer' },
  { step: 'revert', verb: 'revert', ends: BOTH, needs: 'refusal' },
];

/** Steps after which no other message comes. */
const LAST = new Set(['confirm hub', 'settle', 'revert']);

/** How long a message and what it sets off may take, in ms: the range of a random delay. */
const LONGEST_DELAY_MS = 800;
/** Where `during` strikes in the grid, in ms: ifdown and ifup take about 150. */
const GRID_DELAY_MS = 40;

const pointOf = (message: Message, end: End, phase: Point['phase'], delayMs: number): Point => ({
  step: message.step,
  verb: message.verb,
  nth: message.nth ?? 1,
  needs: message.needs,
  end,
  phase,
  delayMs,
});

/**
 * Before each message and while it is at work; after it is before the next one, but for the last ones. The end alternates, so that both are hit
 * in either phase of some step.
 */
export const GRID: readonly Point[] = MESSAGES.flatMap((message, index) =>
  (['before', 'during', ...(LAST.has(message.step) ? (['after'] as const) : [])] as const).map((phase, phaseIndex) => {
    const end = message.ends[(index + phaseIndex) % message.ends.length] ?? 'hub';
    return pointOf(message, end, phase, phase === 'during' ? GRID_DELAY_MS : 0);
  }),
);

export function randomPoint(random: Random): Point {
  const message = random.pick(MESSAGES);
  // Mostly between the messages: the exact ones are what the grid is for.
  const phase = random.pick(['before', 'after', 'during', 'during'] as const);
  return pointOf(message, random.pick(message.ends), phase, phase === 'during' ? random.below(LONGEST_DELAY_MS) : 0);
}

export const describePoint = ({ step, verb, phase, end, delayMs }: Point): string => {
  const message = step.endsWith(end) ? step : verb === step ? `${step} ${end}` : `${step} (${verb} ${end})`;
  return phase === 'during' ? `${delayMs} ms into ${message}` : `${phase} ${message}`;
};
