/** A ping that cannot ask, as against one that is not answered. Pure. */

/** What to do about it. */
export const PING_HINT =
  "iputils' ping is needed (apt-get install iputils-ping), not inetutils' or BusyBox's, and root must be allowed to send with it (CAP_NET_RAW).";

/** As `is_ping_fault` of the host program, which tries its ping before a trial: what other pings, the kernel and bash say. */
const FAULTS = /nvalid option|nrecognized option|[Uu]sage:|not permitted|ermission denied|not found/;

/**
 * What is wrong with the ping itself, in its own words; undefined when it has sent something, or could not for another reason.
 * @param text its output, with ` | ` for line ends
 */
export function pingFault(text: string): string | undefined {
  if (text.includes(' transmitted') || !FAULTS.test(text)) return undefined;
  return (text.split(' | ')[0] ?? '').replace(/^.*?: line \d+: /, '');
}
