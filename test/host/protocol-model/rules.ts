/** The rules of docs/protocol.md that can be taken away, or added, to see what they are good for. */
export interface Rules {
  /** Message 4. Without it the hub goes back by itself until it is confirmed. */
  readonly hasPromise: boolean;
  /** Message 5 before message 6. */
  readonly confirmsSpokeFirst: boolean;
  /** What the spoke decided is decided and done when the hub's deadline passes. */
  readonly spokeWindowIsShorter: boolean;
  /** Rule 5 of finding out. Without it the hub goes back at the first silence. */
  readonly silenceDecidesNothing: boolean;
  /** An answer without the marker decides nothing before the deadline. */
  readonly waitsForDeadline: boolean;
  /** Message 5 leaves a marker on the tunnel. */
  readonly marksSpoke: boolean;
  /** The marker is set after the rename into /etc, not before. */
  readonly marksAfterRename: boolean;
  /** When the confirm of the spoke was sent and not answered, the hub finds out. */
  readonly unansweredConfirmRevertsNothing: boolean;
  /** Not yet so: whoever completes the spoke's confirm sets the marker, the guard too. */
  readonly guardMarks: boolean;
  /** Not yet so: ends that can talk across generations are asked on the new end alone; no marker after the deadline is a no. */
  readonly compatibleIsAskedOnce: boolean;
  /** Not yet so: a hub in doubt obeys `confirm` and `revert`, which vxfleet sends only when it knows what the spoke did. */
  readonly wordSettlesDoubt: boolean;
  /** Not yet so: what the hub found out is reported only if the spoke says the same. */
  readonly settledIsProven: boolean;
}

export const DOCUMENTED: Rules = {
  hasPromise: true,
  confirmsSpokeFirst: true,
  spokeWindowIsShorter: true,
  silenceDecidesNothing: true,
  waitsForDeadline: true,
  marksSpoke: true,
  marksAfterRename: true,
  unansweredConfirmRevertsNothing: true,
  guardMarks: false,
  compatibleIsAskedOnce: false,
  wordSettlesDoubt: false,
  settledIsProven: false,
};
