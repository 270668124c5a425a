/** First priority of the band. Above 0 (the local table) and far from the low numbers that people pick by hand. */
const FIRST_PRIORITY = 20_000;
/** Distance between neighbouring slots; each holds four pairs of rules. */
const STEP = 8;
/** As many slots as keep the last pair (20000 + 8 * 1594 + 7 = 32759) before the kernel's own rule for `main`, 32766. */
const SLOTS = 1594;
const PAIRS_PER_SLOT = 4;

/**
 * The first of the two rule priorities of a tunnel in policy mode: 20000 + 8 * id.
 *
 * That leaves the room below `main`'s 32766 after id 1594, so higher ids start again at the first slot with its second, third and
 * fourth pair (offsets 2, 4 and 6). Every pair is unique up to id 6376, which covers a /36 (4095 spokes). Beyond that, ids that are
 * 6376 apart share a pair, and this is harmless: rules live on the spoke's end only, and a spoke has one tunnel of a fleet.
 */
export function rulePriority(id: number): number {
  const slot = ((id - 1) % SLOTS) + 1;
  const pair = Math.floor((id - 1) / SLOTS) % PAIRS_PER_SLOT;
  return FIRST_PRIORITY + STEP * slot + 2 * pair;
}
