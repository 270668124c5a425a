/** The state of the model: both ends, vxfleet, the line between the ends. The words are those of docs/protocol.md. */

export type End = 'hub' | 'spoke';
export const ENDS = ['hub', 'spoke'] as const;

export type Generation = 'old' | 'new';
export type Trial = 'none' | 'prepared' | 'armed' | 'promised' | 'doubt' | 'confirmed' | 'reverting';
export type Verb = 'prepare' | 'trial' | 'promise' | 'confirm' | 'revert' | 'settle';

/** One message at a time is between vxfleet and an end: on its way, being worked on, or answered. */
export type Channel = 'idle' | `${Verb} sent` | `${Verb} begun` | 'ok' | 'refused';

export interface Host {
  readonly on: boolean;
  readonly trial: Trial;
  readonly runs: Generation;
  readonly etc: Generation;
  /** The program lives. The guard always does, while there is a trial. */
  readonly program: boolean;
  /** Can an answer still reach vxfleet? What was sent before may be read until the program sees the end. */
  readonly session: 'up' | 'dead';
  readonly channel: Channel;
}

export type Step = 'prepare' | 'trial' | 'prove' | 'promise' | 'confirm spoke' | 'confirm hub' | 'revert' | 'settle';

/** What vxfleet told the user; `none` as long as it works, and for ever if it was killed. */
export type Report = 'none' | 'changed' | 'reverted' | 'unknown';

/** Where the hub's guard stands while it finds out. */
export type Question = 'on new' | 'on old, new was silent' | 'on old, new answered';

/** What happened that may excuse two ends that differ. */
export const NOTES = [
  'the hub rebooted between its promise and its rename into /etc',
  'the spoke rebooted when it had confirmed',
  "the spoke's program was killed before it set the marker",
  'the line was cut for longer than the marker lives',
  'a question was lost',
  'the hub had to find out',
] as const;
export type Note = (typeof NOTES)[number];

export interface World {
  readonly step: Step;
  readonly alive: boolean;
  readonly report: Report;
  readonly hub: Host;
  readonly spoke: Host;
  /** The hub's deadline, counted from its promise, is over. */
  readonly late: boolean;
  readonly question: Question;
  /** The address on the spoke's end that says: confirmed. */
  readonly marker: boolean;
  /** `gone` is cut for ever. */
  readonly line: 'up' | 'cut' | 'gone';
  /** The spoke decided for the new end when the hub was on its way back already. */
  readonly decidedTooLate: boolean;
  /** A bit for each of NOTES. */
  readonly notes: number;
  readonly faultsLeft: number;
}

/** What is changed into what. */
export interface Variant {
  readonly title: string;
  /** Do packets pass between the old end of one and the new end of the other? */
  readonly areCompatible: boolean;
  /** The generation that is no tunnel at all. */
  readonly nothing: Generation | null;
}

export interface Move {
  readonly text: string;
  readonly to: World;
}

const IDLE: Host = {
  on: true,
  trial: 'none',
  runs: 'old',
  etc: 'old',
  program: true,
  session: 'up',
  channel: 'prepare sent',
};

export const start = (faults: number): World => ({
  step: 'prepare',
  alive: true,
  report: 'none',
  hub: IDLE,
  spoke: IDLE,
  late: false,
  question: 'on new',
  marker: false,
  line: 'up',
  decidedTooLate: false,
  notes: 0,
  faultsLeft: faults,
});

/** The world with something else at one end. */
export const at = (world: World, end: End, change: Partial<Host>): World =>
  end === 'hub' ? { ...world, hub: { ...world.hub, ...change } } : { ...world, spoke: { ...world.spoke, ...change } };

export const note = (world: World, what: Note): World => ({
  ...world,
  notes: world.notes | (1 << NOTES.indexOf(what)),
});

export const notesOf = (world: Pick<World, 'notes'>): Note[] => NOTES.filter((_, index) => world.notes & (1 << index));

/** Does the spoke answer the hub? */
export function answers({ hub, spoke, line }: World, { areCompatible, nothing }: Variant): boolean {
  if (line !== 'up' || !spoke.on || !hub.on) return false;
  if (hub.runs === nothing || spoke.runs === nothing) return false;
  return areCompatible || hub.runs === spoke.runs;
}

/** What tells one world from another, short, because each is looked up many times. */
export function keyOf(world: World): string {
  const { step, alive, report, late, question, marker, line, decidedTooLate, notes, faultsLeft } = world;
  const rest = numberOf(`${step},${alive},${report},${late},${question},${marker},${line},${decidedTooLate}`);
  return `${keyOfHost(world.hub)},${keyOfHost(world.spoke)},${rest},${notes},${faultsLeft}`;
}

const keyOfHost = ({ on, trial, runs, etc, program, session, channel }: Host): number =>
  numberOf(`${on},${trial},${runs},${etc},${program},${session},${channel}`);

const numbers = new Map<string, number>();

function numberOf(text: string): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, numbers.size);
  return numbers.size - 1;
}
