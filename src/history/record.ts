/** What a host keeps of every change of a tunnel's end, one file each: `/var/lib/vxfleet/IF/SEQUENCE.OUTCOME.SHA256`. */
import type { End } from '../plan/plan.js';

/** Where every host keeps its records. */
export const STORE = '/var/lib/vxfleet';

/** How a change of one end ended. Only the first two leave a file that can be put back: they are its generations. */
export const OUTCOMES = [
  /** The file was proven and is the one of /etc. */
  'confirmed',
  /** The file that stood there before a change and that no earlier generation accounts for: foreign, adopted or edited by hand. */
  'found',
  /** vxfleet put the trial back. */
  'reverted',
  /** The host put it back alone: the window was over. */
  'window',
  /** The host put it back alone: the session had ended. */
  'session',
  /** The host put it back alone: the other end had stayed on the old one. */
  'peer',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** In `restores`: the state before the first generation, in which there is no tunnel. */
export const FIRST = 'first';

/** Who changed what, and when; the same on both ends of a tunnel but for `end` and what a rollback restores there. */
export interface ChangeHeader {
  /** The change's own id (change-id.ts), by which the records of both ends belong together; `before-CHANGE` in a record of what was found. */
  readonly change: string;
  /** UTC to the second, `2026-11-23T12:00:05Z`, so that text sorts as time does. By the controller's clock. */
  readonly time: string;
  /** `user@controller`. */
  readonly operator: string;
  /** As typed, without the program's name: `deploy tokyo`. */
  readonly command: string;
  readonly spoke: string;
  readonly end: End;
  /** Of a rollback: the change whose state it put back, or `first`. Else null. */
  readonly restores: string | null;
  /** Of a rollback: the same of the other end, or null when that was left alone. */
  readonly otherRestores: string | null;
}

/** A record without the file that it keeps. */
export interface HistoryRecord extends ChangeHeader {
  readonly interface: string;
  /** The run that made the change; `before-RUN` in a record of what was found. */
  readonly run: string;
  /** Its file's name. */
  readonly name: string;
  /** Counts up for each tunnel end, from 1. */
  readonly sequence: number;
  readonly outcome: Outcome;
  /** false: there was no file, and so no tunnel. */
  readonly hasFile: boolean;
}

/** All that one host keeps of one tunnel. */
export interface EndHistory {
  /** `hub` or the spoke's name: for messages. */
  readonly host: string;
  readonly interface: string;
  /** In the order of their sequence, oldest first. */
  readonly records: readonly HistoryRecord[];
}

/** The tunnel's id, which its interface is named after. */
export const idOf = (interfaceName: string): number => Number.parseInt(interfaceName.slice('vxlan'.length), 16);

/** Can what this record keeps be put back? */
export const isGeneration = ({ outcome }: Pick<HistoryRecord, 'outcome'>): boolean =>
  outcome === 'confirmed' || outcome === 'found';

/** Oldest first. The last one is the end's head. */
export const generationsOf = ({ records }: EndHistory): readonly HistoryRecord[] => records.filter(isGeneration);
