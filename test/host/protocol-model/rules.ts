/** The rules of docs/protocol.md that can be taken away, and rules that could be added, to see what they are good for. */
export interface Rules {
  /** Message 4. Without it the hub goes back by itself until it is confirmed. */
  readonly hasPromise: boolean;
  /** Message 5 before message 6. */
  readonly confirmsSpokeFirst: boolean;
  /** The spoke has decided, and is done with it, when the hub's deadline passes. */
  readonly spokeWindowIsShorter: boolean;
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
  /** Ends whose asked address differs are not taken for ends that can talk across generations. */
  readonly addressIsCompared: boolean;
  /** Ends that can talk across generations are asked so also when the old end did not answer before. */
  readonly compatibleComesFirst: boolean;
  /** A `confirm` that finds one at work waits for its end. */
  readonly confirmWaits: boolean;
  /** An end that knows of no outcome does not refuse. */
  readonly refusalIsKnown: boolean;
  /** Nothing is taken over while the run lives at the other end. */
  readonly takesWholeTunnel: boolean;
  /** A takeover orders a hub that asks in vain to go back, also when it asks itself. */
  readonly takeoverHasLimit: boolean;
  /** A guard that was killed is replaced at the next sign of life. */
  readonly guardIsReplaced: boolean;
  /** A `confirm` that finds the trial confirmed and nobody at work goes on with it instead of refusing. */
  readonly confirmGoesOn: boolean;
  /** Whoever completes a confirm puts the new end up again. */
  readonly completePutsUp: boolean;
}

export const DOCUMENTED: Rules = {
  hasPromise: true,
  confirmsSpokeFirst: true,
  spokeWindowIsShorter: true,
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
  addressIsCompared: true,
  compatibleComesFirst: true,
  confirmWaits: true,
  refusalIsKnown: true,
  takesWholeTunnel: true,
  takeoverHasLimit: true,
  guardIsReplaced: true,
  confirmGoesOn: true,
  completePutsUp: true,
};
