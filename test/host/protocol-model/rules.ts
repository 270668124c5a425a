/** The rules of docs/protocol.md that can be taken away, and rules that could be added, to see what they are good for. */
export interface Rules {
  /** Message 4. Without it the hub goes back by itself until it is confirmed. */
  readonly hasPromise: boolean;
  /** Message 5 before message 6. */
  readonly confirmsSpokeFirst: boolean;
  /** What the spoke decided is decided when the hub's deadline passes. */
  readonly spokeWindowIsShorter: boolean;
  /** And done half a window later; only then is an answer an answer. */
  readonly waitsHalfWindow: boolean;
  /** Rule 5 of finding out. Without it the hub goes back at the first silence. */
  readonly silenceDecidesNothing: boolean;
  /** An answer without the marker decides nothing before the deadline. */
  readonly waitsForDeadline: boolean;
  /** Message 5 leaves a marker on the tunnel. */
  readonly marksSpoke: boolean;
  /** The marker is set after the rename into /etc, not before. */
  readonly marksAfterRename: boolean;
  /** Whoever completes the spoke's confirm sets the marker, the guard too. */
  readonly guardMarks: boolean;
  /** When the confirm of the spoke was sent and not answered, the hub finds out. */
  readonly unansweredConfirmRevertsNothing: boolean;
  /** Ends that can talk across generations are asked on the new end alone; no marker after the deadline is a no. */
  readonly compatibleIsAskedOnce: boolean;
  /** A hub in doubt obeys `confirm` and `revert`, which vxfleet sends only when it knows what the spoke did. */
  readonly wordSettlesDoubt: boolean;
  /** What the hub found out alone is never reported as `changed` or `reverted`. */
  readonly settledIsProven: boolean;
  /** A lost answer to `confirm` or `revert` is asked for again. */
  readonly reconnects: boolean;
  /** The next deploy ends trials that nobody is left to end. */
  readonly takesOver: boolean;
  /** Not yet so: a `confirm` that finds the trial confirmed waits for its end instead of killing the one at work and refusing. */
  readonly confirmWaits: boolean;
  /** Not yet so: a refusal of the spoke lets the hub go back only if the spoke's records say that it went back. */
  readonly refusalIsProven: boolean;
  /** Not yet so: ends that can talk across generations are asked so also when the old end did not answer before. */
  readonly compatibleComesFirst: boolean;
  /** Not yet so: of ends taken for compatible, silence on the new one after the deadline leads to the old one. */
  readonly compatibleAsksOldToo: boolean;
  /** Not yet so: a takeover without a guard stops asking, too. */
  readonly takeoverHasLimit: boolean;
  /** Not yet so: nothing is taken over while the other end's session lives. */
  readonly takesWholeTunnel: boolean;
}

export const DOCUMENTED: Rules = {
  hasPromise: true,
  confirmsSpokeFirst: true,
  spokeWindowIsShorter: true,
  waitsHalfWindow: true,
  silenceDecidesNothing: true,
  waitsForDeadline: true,
  marksSpoke: true,
  marksAfterRename: true,
  guardMarks: true,
  unansweredConfirmRevertsNothing: true,
  compatibleIsAskedOnce: true,
  wordSettlesDoubt: true,
  settledIsProven: true,
  reconnects: true,
  takesOver: true,
  confirmWaits: false,
  refusalIsProven: false,
  compatibleComesFirst: false,
  compatibleAsksOldToo: false,
  takeoverHasLimit: false,
  takesWholeTunnel: false,
};
