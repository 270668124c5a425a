/** The state of the model: both ends, vxfleet, the line between the ends. The words are those of docs/protocol.md. */

export type End = 'hub' | 'spoke';
export const ENDS = ['hub', 'spoke'] as const;

export type Generation = 'old' | 'new';
export type Trial = 'none' | 'prepared' | 'armed' | 'promised' | 'doubt' | 'confirmed' | 'reverting';
export type Verb = 'prepare' | 'trial' | 'promise' | 'confirm' | 'revert' | 'settle';

/** One message at a time is between vxfleet and an end: on its way, being worked on, or answered. */
export type Channel = 'idle' | `${Verb} sent` | `${Verb} begun` | 'ok' | 'refused' | 'unsure';

export interface Host {
  readonly on: boolean;
  readonly trial: Trial;
  readonly runs: Generation;
  readonly etc: Generation;
  /** What the host's records say of the run; they outlive a reboot. */
  readonly record: 'none' | 'confirmed' | 'reverted';
  /** The program that prepared the trial lives, and with it the run's lock. */
  readonly program: boolean;
  readonly guard: boolean;
  /** Of the channel: the first one or a later one, and whether an answer can still reach vxfleet. */
  readonly session: 'first' | 'first lost' | 'second' | 'second lost';
  readonly channel: Channel;
  /** Sent over the first session, not read yet and not waited for any more. */
  readonly stale: Verb | null;
  /** The message is asked a second time, over a new session. */
  readonly again: boolean;
}

export type Step = 'prepare' | 'trial' | 'promise' | 'confirm spoke' | 'confirm hub' | 'revert' | 'settle';

/** What vxfleet told the user; `none` as long as it works, and for ever if it was killed. */
export type Report = 'none' | 'changed' | 'reverted' | 'unknown';

/** Where the hub stands while it finds out. */
export type Question = 'on new' | 'on old, new was silent' | 'on old, new answered';

/** Another run that takes over: which end it is at. `equal`: it found no trial any more and has deployed. */
export type Other = 'none' | 'spoke, then hub' | 'spoke' | 'hub' | 'over' | 'equal';

/** What happened that may excuse two ends that differ. */
export const NOTES = [
  'the hub rebooted between its promise and its rename into /etc',
  'the spoke rebooted when it had confirmed',
  'the line was cut for longer than the marker lives',
  'a question was lost',
  'the hub decided by itself',
  'a takeover ordered the hub to go back',
  "the spoke's guard was killed",
  'whoever was at work on the confirm of the spoke was killed',
  'whoever put the new end of the hub up again was killed',
] as const;
export type Note = (typeof NOTES)[number];

export interface World {
  readonly step: Step;
  readonly alive: boolean;
  readonly report: Report;
  readonly hub: Host;
  readonly spoke: Host;
  /** The hub's deadline, counted from its promise, is over. */
  readonly late: 0 | 1;
  readonly question: Question;
  /** The address on the spoke's end that says: confirmed. */
  readonly marker: boolean;
  /** `gone` is cut for ever. */
  readonly line: 'up' | 'cut' | 'gone';
  readonly other: Other;
  /** The spoke decided for the new end when the hub was on its way back already. */
  readonly decidedTooLate: boolean;
  /** A bit for each of NOTES. */
  readonly notes: number;
  readonly faultsLeft: number;
}

/** What is changed into what. */
export interface Variant {
  readonly title: string;
  /** Have old and new the same VNI, port and underlay addresses, and is the address that is asked the same on both? */
  readonly isCompatible: 'no' | 'but for the address' | 'yes';
  /** What of an end is heard by an end of the other generation. */
  readonly crossing: 'everything' | 'the marker' | 'nothing';
  /** The generation that is no tunnel at all. */
  readonly nothing: Generation | null;
  /** Did the old ends answer each other before? */
  readonly hasOldPeer: boolean;
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
  record: 'none',
  program: true,
  guard: true,
  session: 'first',
  channel: 'prepare sent',
  stale: null,
  again: false,
};

export const start = (faults: number): World => ({
  step: 'prepare',
  alive: true,
  report: 'none',
  hub: IDLE,
  spoke: IDLE,
  late: 0,
  question: 'on new',
  marker: false,
  line: 'up',
  other: 'none',
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

export const forget = (world: World, what: Note): World => ({
  ...world,
  notes: world.notes & ~(1 << NOTES.indexOf(what)),
});

export const hasNote = ({ notes }: World, what: Note): boolean => (notes & (1 << NOTES.indexOf(what))) !== 0;

export const notesOf = (world: Pick<World, 'notes'>): Note[] => NOTES.filter((_, index) => world.notes & (1 << index));

export const hasSession = ({ session }: Host): boolean => session === 'first' || session === 'second';

/** The session is lost: what has been sent may still be read, no answer comes back. */
export const lose = (world: World, end: End): World =>
  hasSession(world[end])
    ? at(world, end, { session: world[end].session === 'first' ? 'first lost' : 'second lost' })
    : world;

/** vxfleet works no more, or was killed. */
export const isFinished = ({ alive, report }: World): boolean => !alive || report !== 'none';

/** A guard that is dead is replaced in time: the program hears a sign of life several times a window. */
export const willReplaceGuard = (world: World, end: End): boolean =>
  !isFinished(world) && !world[end].guard && world[end].program && world[end].session === 'first';

/** The other run is at this end now. */
export const isTakenOver = ({ other }: World, end: End): boolean =>
  end === 'hub' ? other === 'hub' : other.startsWith('spoke');

/** What the hub hears when it asks. */
export function hear(
  { hub, spoke, line, marker }: World,
  { crossing, nothing }: Variant,
): 'marker' | 'peer' | 'silence' {
  if (line !== 'up' || !spoke.on || !hub.on) return 'silence';
  if (hub.runs === nothing || spoke.runs === nothing) return 'silence';
  const isSame = hub.runs === spoke.runs;
  if (marker && (isSame || crossing !== 'nothing')) return 'marker';
  return isSame || crossing === 'everything' ? 'peer' : 'silence';
}

/**
 * The world without what can make no difference any more, so that worlds that will go the same way are one: line, marker and deadline
 * matter only to a hub that has promised and to a spoke that still has its marker to show; step and repetition only to a vxfleet
 * that works; the notes only while the ends may still come to differ.
 */
export function simplify(world: World): World {
  const { hub, spoke, other } = world;
  let to = world;
  if (isFinished(world)) to = { ...to, step: 'settle' };
  const isBound = hub.trial === 'armed' || hub.trial === 'promised' || hub.trial === 'doubt';
  if (!isBound && spoke.trial === 'none') to = { ...to, line: 'up', marker: false };
  if (other === 'equal') to = { ...to, notes: 0, decidedTooLate: false };
  return to;
}

/** What tells one world from another, short and quickly made, because many times as many are looked up as there are. */
export function keyOf(world: World): string {
  const { step, report, question, line, other, late, faultsLeft, alive, marker, decidedTooLate, notes } = world;
  const words = pack(PLACES, [step, report, question, line, other]);
  const bits = (alive ? 1 : 0) | (marker ? 2 : 0) | (decidedTooLate ? 4 : 0) | (late << 3) | (faultsLeft << 5);
  return String.fromCharCode(keyOfHost(world.hub), keyOfHost(world.spoke), words, bits, notes);
}

const PLACES = 8;

/** Each word takes three bits: there are no more than eight for one place. */
function pack(radix: number, words: readonly string[]): number {
  let key = 0;
  for (const [place, word] of words.entries()) key = key * radix + numberIn(place, word);
  return key;
}

const numbers = Array.from({ length: 5 }, () => new Map<string, number>());

function numberIn(place: number, word: string): number {
  const known = numbers[place]!;
  const number = known.get(word) ?? known.size;
  known.set(word, number);
  if (number >= PLACES) throw new Error(`too many words for place ${place}`);
  return number;
}

/** Hosts are shared by many worlds, and there are few different ones. */
const keysOfHosts = new WeakMap<Host, number>();
const hosts = new Map<number, number>();
/** Fewer than 64. */
const words = new Map<string | null, number>();

function wordOf(word: string | null): number {
  const known = words.get(word) ?? words.size;
  words.set(word, known);
  if (known >= 64) throw new Error('too many words for a host');
  return known;
}

function keyOfHost(host: Host): number {
  const known = keysOfHosts.get(host);
  if (known !== undefined) return known;
  const { on, trial, runs, etc, record, program, guard, session, channel, stale, again } = host;
  const bits = (on ? 1 : 0) | (program ? 2 : 0) | (guard ? 4 : 0) | (again ? 8 : 0);
  let sum = bits + (runs === 'new' ? 16 : 0) + (etc === 'new' ? 32 : 0);
  for (const word of [trial, record, session, channel, stale]) sum = sum * 64 + wordOf(word);
  const key = hosts.get(sum) ?? hosts.size;
  hosts.set(sum, key);
  keysOfHosts.set(host, key);
  return key;
}
