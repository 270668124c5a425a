/** A ping that cannot ask, as against one that is not answered. Pure. */

/** What to do about it. */
export const PING_HINT =
  "iputils' ping is needed (apt-get install iputils-ping), not inetutils' or BusyBox's, and root must be allowed to send with it (CAP_NET_RAW).";

/** The status that the host program gives to such a ping (is_ping_fault in probe.bash). */
export const CANNOT_ASK = 126;

/** What is wrong with it, in its own words. @param text its output, with ` | ` for line ends */
export const pingFault = (text: string): string => (text.split(' | ')[0] ?? '').replace(/^.*?: line \d+: /, '');
