/** Bits to the right of each of the eight groups. */
const GROUPS = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n] as const;

/**
 * RFC 5952 text of an IPv6 address. ip-address writes the same (a test compares them) by building a string and parsing it, which
 * is most of the time that planning a /32 takes.
 */
export function addressText(address: bigint): string {
  const groups = GROUPS.map((shift) => Number((address >> shift) & 0xffffn));
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return hexText(groups);
  return `${hexText(groups.slice(0, start))}::${hexText(groups.slice(start + length))}`;
}

const hexText = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(':');

/** The first of equally long runs; RFC 5952 shortens only those of two groups or more. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}
