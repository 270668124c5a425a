/** What a run tells while it runs. Doing emits events; showing (live, plain, JSON) listens. Keys are snake_case: they are the JSON. */
import type { End } from './plan/plan.js';
import type { ErrorCode } from './errors.js';

export type CommandName = 'deploy' | 'diff' | 'verify' | 'rollback';

/** What became of a tunnel. Every tunnel of a run ends in exactly one of these. */
export type TunnelStatus =
  /** Both ends were as planned; nothing was touched. */
  | 'unchanged'
  /** Trial, proof and confirm succeeded on both ends. */
  | 'changed'
  /** The same, of a rollback: what was there before is there again. */
  | 'rolled_back'
  /** The tunnel was taken away from both ends (`--prune`, or a rollback to before its first deploy), and that was proven and confirmed. */
  | 'removed'
  /** The hub's end was taken away, and that was proven and confirmed; the spoke did not answer (`--prune-unreachable`). */
  | 'removed_at_hub'
  /** Dry run: it would be changed. */
  | 'would_change'
  /** Dry run: it would be taken away. */
  | 'would_remove'
  /** The change failed; both ends are back on the old state and that was proven. */
  | 'reverted'
  /** It failed before anything was touched (or, for verify, a check failed). */
  | 'failed'
  /** An end could not be reached; nothing was touched. */
  | 'unreachable'
  /** Not started: canary, max-fail or an interrupt stopped the run before it. */
  | 'skipped'
  /** An end is in a state that could not be proven. */
  | 'unknown';

/** What became of one end. */
export type EndStatus = Exclude<TunnelStatus, 'failed' | 'skipped' | 'removed_at_hub'> | 'untouched';

/** The layers of field-notes 3.3, in the order in which a fault is looked for. */
export type Layer =
  | 'ssh'
  | 'implementation'
  | 'file'
  | 'link'
  | 'params'
  | 'underlay'
  | 'encapsulation'
  | 'neighbour'
  | 'peer'
  | 'addresses'
  | 'routes'
  | 'forwarding'
  | '/64'
  | '/48'
  | 'mtu'
  | 'policy'
  | 'filter'
  | 'anchor';

/** What one end has sent to the other that must not pass. */
export interface Intrusion {
  readonly from: End;
  /** `vni`: a frame of another tunnel. `source`: a packet in this tunnel whose source does not belong behind the end that sends it. */
  readonly kind: 'vni' | 'source';
  /** Packets. */
  readonly sent: number;
  /** Those that the other end's filter has counted. */
  readonly dropped: number;
}

/** One packet check between two addresses. */
export interface Check {
  readonly from: End;
  readonly source: string;
  readonly target: string;
  /** What it proves: the prefix `/80`, `/64` or `/48`; that the hub forwards, to its `anchor` or in `transit` to another site. */
  readonly prefix: '/80' | '/64' | '/48' | 'anchor' | 'transit';
  readonly ok: boolean;
  /** Round-trip time in milliseconds; null when there was no answer. */
  readonly rtt_ms: number | null;
  /** Size of the IPv6 packet in bytes, headers included, sent with "don't fragment". */
  readonly bytes: number;
}

export interface TunnelFailure {
  readonly code: ErrorCode;
  /** Where it failed; null when it is about neither end alone. */
  readonly end: End | null;
  /** First failing layer, when the failure is about the tunnel itself. */
  readonly layer: Layer | null;
  readonly message: string;
  readonly hint: string | null;
}

/** What a tunnel was put back to: what answered before `answers` again; it was `silent` before, and is not asked; or there was `nothing`. */
export type PutBack = 'answers' | 'silent' | 'nothing';

export interface TunnelResult {
  readonly spoke: string;
  readonly interface: string;
  readonly id: number;
  readonly status: TunnelStatus;
  readonly ends: { readonly hub: EndStatus; readonly spoke: EndStatus };
  /**
   * Milliseconds for which the tunnel did not answer: from the first ifdown until both ends were answered again, on the new end or, put back, on the
   * old one. By the hosts' own clocks, to 10 ms. null when nothing was bounced, or it does not answer now.
   */
  readonly down_ms: number | null;
  /** Of a tunnel that is `reverted`; else null. */
  readonly put_back: PutBack | null;
  readonly checks: readonly Check[];
  /** The packet through the hub to another site; null when none was sent: the anchor is asked instead, or no other tunnel is up. */
  readonly transit: Check | null;
  /** Packets that must not pass, and how many of them were dropped; empty where there is no filter, or it was not asked. */
  readonly intrusions: readonly Intrusion[];
  readonly error: TunnelFailure | null;
}

export type Counts = Readonly<Record<TunnelStatus, number>>;

/**
 * Steps a tunnel goes through, as shown in the live view. `prepare`: the candidates are handed over, and the tunnel waits for its turn
 * at the hub.
 */
export type Step = 'connect' | 'inspect' | 'prepare' | 'trial' | 'verify' | 'confirm' | 'revert';

/** How long one step took, over all tunnels that took it. */
export interface StepTiming {
  readonly step: Step;
  /** How many took it. */
  readonly tunnels: number;
  /** Milliseconds. */
  readonly median_ms: number;
  readonly p95_ms: number;
  readonly slowest_ms: number;
  /** The spoke that took the longest. */
  readonly slowest: string;
}

export interface Recap {
  readonly event: 'recap';
  readonly run: string;
  readonly command: CommandName;
  readonly exit_code: number;
  readonly duration_ms: number;
  readonly counts: Counts;
  readonly tunnels: readonly TunnelResult[];
  /** Spokes whose tunnel was proven in this run, but not that the hub forwards for it: there was neither an anchor nor another tunnel that answered. */
  readonly transit_unproven: readonly string[];
}

/** A unified diff of one end, or of one end of many tunnels whose changes are equal but for the id. */
export interface DiffEvent {
  readonly event: 'diff';
  /** The spokes it stands for; more than one when folded. */
  readonly spokes: readonly string[];
  /** Their ids, in the order of `spokes`. */
  readonly ids: readonly number[];
  readonly end: End;
  /** Unified diff of the file (when folded: of the first spoke's); empty when the file is equal and only the kernel differs. */
  readonly text: string;
  /** How the kernel differs although the file is equal, one sentence a difference. */
  readonly drift: readonly string[];
}

/** What ended the command as a whole: a mistake in the command line, the inventory or a template, or a bug. A recap follows. */
export interface ErrorEvent {
  readonly event: 'error';
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
  /** All that is wrong with the inventory; empty for every other error. */
  readonly problems: readonly {
    readonly file: string;
    /** Both from 1. */
    readonly line: number;
    readonly column: number;
    readonly message: string;
    readonly fix: string | null;
  }[];
}

/** Of no tunnel. The command is the first word of the command line, also if there is no such command; null when there was none. */
export type EndedRecap = Omit<Recap, 'command'> & { readonly command: string | null };

export type RunEvent =
  | { readonly event: 'start'; readonly run: string; readonly command: CommandName; readonly total: number }
  /** The hub (not a tunnel) reached a step. */
  | { readonly event: 'hub'; readonly step: Step; readonly message: string }
  | { readonly event: 'step'; readonly spoke: string; readonly interface: string; readonly step: Step }
  | DiffEvent
  | ({ readonly event: 'tunnel' } & TunnelResult)
  /** Something a person should know that belongs to no single tunnel (a stop at --max-fail, a newly accepted host key). */
  | { readonly event: 'notice'; readonly level: 'info' | 'warning'; readonly message: string }
  /** `--timings`, right before the recap. */
  | { readonly event: 'timings'; readonly steps: readonly StepTiming[] }
  /** Detail for -v. */
  | { readonly event: 'trace'; readonly message: string }
  | Recap;

export type Emit = (event: RunEvent) => void;
