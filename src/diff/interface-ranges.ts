/** Text for a set of tunnels, short enough to read when there are hundreds. */

const hex = (id: number): string => id.toString(16).padStart(2, '0');

/** The interfaces of these ids in ascending order, neighbours joined: `vxlan01-3f, vxlan41`. Duplicates count once. */
export function formatInterfaceRanges(ids: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && id === open.last + 1) open.last = id;
    else ranges.push({ first: id, last: id });
  }
  return ranges.map(({ first, last }) => `vxlan${hex(first)}${last > first ? `-${hex(last)}` : ''}`).join(', ');
}
